// For the tests of this folder: an Api that answers from a table and remembers what it was asked.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "cli/api.h"

namespace reachback::cli {

class FakeApi : public Api {
 public:
  // "GET /target" -> answers in order; the last one stays.
  void answer(const std::string& call, Result<std::string> body) {
    answers_[call].push_back(std::move(body));
  }
  void link(const std::string& url, std::string content) { links_[url] = std::move(content); }

  Result<std::string> get(const std::string& target, Duration) override {
    return take("GET " + target);
  }
  Result<std::string> post(const std::string& target, const std::string& body, const std::string&,
                           net::Headers) override {
    bodies.push_back(body);
    return take("POST " + target);
  }
  Result<void> remove(const std::string& target) override {
    auto out = take("DELETE " + target);
    return out.ok() ? Result<void>() : Result<void>(out.error());
  }
  Result<void> download(const std::string& url,
                        std::function<bool(std::string_view)> on_bytes) override {
    calls.push_back("DOWNLOAD " + url);
    auto at = links_.find(url);
    if (at == links_.end()) {
      return Error{Errc::not_found, "BlobNotFound"};
    }
    std::string_view rest = at->second;
    while (!rest.empty()) {
      if (!on_bytes(rest.substr(0, 7))) {
        return Error{Errc::timed_out, "aborted"};
      }
      rest.remove_prefix(std::min<std::size_t>(7, rest.size()));
    }
    return {};
  }
  bool pause(Duration) override { return !interrupted_; }
  bool interrupted() const override { return interrupted_; }
  void clear_interrupt() override { interrupted_ = false; }
  // The call that starts so is interrupted.
  void interrupt_at(std::string call) { interrupt_at_ = std::move(call); }

  std::vector<std::string> calls;
  std::vector<std::string> bodies;

 private:
  Result<std::string> take(const std::string& call) {
    calls.push_back(call);
    if (!interrupt_at_.empty() && call.starts_with(interrupt_at_)) {
      interrupt_at_.clear();
      interrupted_ = true;
    }
    if (interrupted_) {
      return Error{Errc::timed_out, "interrupted"};
    }
    auto at = answers_.find(call);
    if (at == answers_.end()) {
      return Error{Errc::not_found, "no answer for " + call};
    }
    Result<std::string> out = at->second.front();
    if (at->second.size() > 1) {
      at->second.pop_front();
    }
    return out;
  }

  std::map<std::string, std::deque<Result<std::string>>> answers_;
  std::map<std::string, std::string> links_;
  std::string interrupt_at_;
  bool interrupted_ = false;
};

}  // namespace reachback::cli
