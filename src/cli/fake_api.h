// For the tests of this folder: an Api that answers from a table and remembers what it was asked.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
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
                           net::Headers extra,
                           std::function<void(std::uint64_t)> on_sent) override {
    bodies.push_back(body);
    if (const auto key = extra.get("Idempotency-Key")) {
      keys.emplace_back(*key);
    }
    if (on_sent) {
      on_sent(body.size());
    }
    return take("POST " + target);
  }
  // Pieces of streams of events, each list one connection; "GET" with " after ID" when resumed.
  Result<void> follow(const std::string& target, const std::string& last_event_id,
                      std::optional<std::chrono::steady_clock::time_point>,
                      OnBytes on_bytes) override {
    auto whole =
        take("FOLLOW " + target + (last_event_id.empty() ? "" : " after " + last_event_id));
    if (!whole.ok()) {
      return whole.error();
    }
    for (std::string_view rest = *whole; !rest.empty();) {
      const std::size_t size = std::min<std::size_t>(rest.size(), 5);
      if (!on_bytes(rest.substr(0, size))) {
        return Error{Errc::unavailable, "stopped by its reader"};
      }
      rest.remove_prefix(size);
    }
    return {};
  }
  Result<PlainAnswer> plain(const std::string& target,
                            const std::optional<std::string>& form) override {
    if (form) {
      bodies.push_back(*form);
    }
    const std::string call = (form ? "PLAIN POST " : "PLAIN GET ") + target;
    RB_TRY_ASSIGN(std::string body, take(call));
    // "400 {…}" is a status and a body.
    const bool has_status = body.size() > 4 && body[3] == ' ' && body[0] >= '1' && body[0] <= '9';
    return has_status ? PlainAnswer{std::stoi(body.substr(0, 3)), body.substr(4)}
                      : PlainAnswer{200, body};
  }
  Result<std::unique_ptr<Api>> another() override;
  Result<Secret> token() override {
    RB_TRY_ASSIGN(std::string text, take("TOKEN"));
    return Secret(text);
  }
  Result<void> remove(const std::string& target) override {
    auto out = take("DELETE " + target);
    return out.ok() ? Result<void>() : Result<void>(out.error());
  }
  Result<void> download(const std::string& url, OnBytes on_bytes, Download* progress) override {
    const std::uint64_t from = progress != nullptr ? progress->bytes : 0;
    note("DOWNLOAD " + url + (from > 0 ? " from " + std::to_string(from) : ""));
    MutexLock lock(*mutex_);
    auto at = links_.find(url);
    if (at == links_.end()) {
      return Error{Errc::not_found, "BlobNotFound"};
    }
    std::string_view rest = std::string_view(at->second).substr(from);
    if (progress != nullptr) {
      progress->total = at->second.size();
    }
    std::size_t left = std::exchange(cut_after_, static_cast<std::size_t>(-1));
    while (!rest.empty()) {
      const auto piece = rest.substr(0, std::min<std::size_t>(7, left));
      if (piece.empty()) {
        return Error{Errc::unavailable, "cut"};
      }
      if (!on_bytes(piece)) {
        return Error{Errc::timed_out, "aborted"};
      }
      if (progress != nullptr) {
        progress->bytes += piece.size();
      }
      rest.remove_prefix(piece.size());
      left -= piece.size();
    }
    return {};
  }
  // The next download breaks after so many bytes.
  void cut_after(std::size_t bytes) { cut_after_ = bytes; }
  bool pause(Duration length) override {
    paused.push_back(std::chrono::duration_cast<std::chrono::seconds>(length).count());
    return !*interrupted_;
  }
  bool interrupted() const override { return *interrupted_; }
  void clear_interrupt() override { *interrupted_ = false; }
  // The call that starts so is interrupted; each further one after the one before.
  void interrupt_at(std::string call) { interrupt_at_.push_back(std::move(call)); }

  std::vector<std::string> calls;
  std::vector<std::string> bodies;
  std::vector<std::string> keys;  // of Idempotency-Key headers
  std::vector<std::int64_t> paused;
  std::shared_ptr<Mutex> post_mutex = std::make_shared<Mutex>();

 private:
  void note(const std::string& call) {
    MutexLock lock(*mutex_);
    calls.push_back(call);
  }
  Result<std::string> take(const std::string& call) {
    MutexLock lock(*mutex_);
    calls.push_back(call);
    if (trace_) {
      trace_(call.substr(0, call.find(' ')), call.substr(call.find(' ') + 1), 200,
             std::chrono::milliseconds(1));
    }
    if (!interrupt_at_.empty() && call.starts_with(interrupt_at_.front())) {
      interrupt_at_.pop_front();
      *interrupted_ = true;
    }
    if (*interrupted_) {
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
  std::deque<std::string> interrupt_at_;
  std::shared_ptr<std::atomic<bool>> interrupted_ = std::make_shared<std::atomic<bool>>(false);
  std::size_t cut_after_ = static_cast<std::size_t>(-1);
  std::shared_ptr<Mutex> mutex_ = std::make_shared<Mutex>();
};

// What a thread of its own gets: the same table.
class FakeApiBeside : public Api {
 public:
  explicit FakeApiBeside(FakeApi& api) : api_(api) {}
  Result<std::string> get(const std::string& target, Duration timeout) override {
    return api_.get(target, timeout);
  }
  Result<std::string> post(const std::string& target, const std::string& body,
                           const std::string& type, net::Headers extra,
                           std::function<void(std::uint64_t)> on_sent) override {
    MutexLock lock(*api_.post_mutex);
    return api_.post(target, body, type, std::move(extra), std::move(on_sent));
  }
  Result<void> remove(const std::string& target) override { return api_.remove(target); }
  Result<void> follow(const std::string& target, const std::string& last_event_id,
                      std::optional<std::chrono::steady_clock::time_point> until,
                      OnBytes on_bytes) override {
    return api_.follow(target, last_event_id, until, std::move(on_bytes));
  }
  Result<void> download(const std::string& url, OnBytes on_bytes, Download* progress) override {
    return api_.download(url, std::move(on_bytes), progress);
  }
  Result<PlainAnswer> plain(const std::string& target,
                            const std::optional<std::string>& form) override {
    return api_.plain(target, form);
  }
  Result<std::unique_ptr<Api>> another() override { return api_.another(); }
  Result<Secret> token() override { return api_.token(); }
  bool pause(Duration) override { return !api_.interrupted(); }
  bool interrupted() const override { return api_.interrupted(); }
  void clear_interrupt() override { api_.clear_interrupt(); }

 private:
  FakeApi& api_;
};

inline Result<std::unique_ptr<Api>> FakeApi::another() {
  return std::unique_ptr<Api>(new FakeApiBeside(*this));
}

}  // namespace reachback::cli
