// A net::Exchange in memory: one request in, one response out, no socket. Made for handlers' unit
// tests. Body callbacks run inside read_body() and stream_body(), on the caller's thread; wait()
// may be called on any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "net/http_server.h"

namespace reachback::testing {

class FakeBody : public net::Body {
 public:
  explicit FakeBody(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string_view view() const override { return bytes_; }

 private:
  std::string bytes_;
};

struct FakeExchangeOptions {
  std::size_t piece_bytes = 16 << 10;      // stream_body hands out pieces of this size
  std::optional<std::size_t> cut_after;    // the body ends short after so many bytes
  std::shared_ptr<net::WebSocket> socket;  // what upgrade() gives; null: not a handshake
  net::Loop* loop = nullptr;               // what loop() gives; null: loop() aborts
};

class FakeExchange : public net::Exchange {
 public:
  // Sets Host, has_body and content_length where the request leaves them open. An empty body is no
  // body.
  explicit FakeExchange(net::Request request, std::string body = "",
                        FakeExchangeOptions options = {})
      : request_(std::move(request)), body_(std::move(body)), options_(std::move(options)) {
    if (!request_.headers.get("Host")) {
      request_.headers.add("Host", "reachback.test");
    }
    if (request_.peer_ip.empty()) {
      request_.peer_ip = "127.0.0.1";
    }
    if (!body_.empty()) {
      request_.has_body = true;
      if (!request_.content_length && !request_.headers.get("Transfer-Encoding")) {
        request_.content_length = body_.size();
      }
    }
  }

  const net::Request& request() const override { return request_; }

  net::Loop& loop() override {
    if (options_.loop == nullptr) {
      std::abort();
    }
    return *options_.loop;
  }

  void read_body(std::uint64_t max_bytes,
                 std::function<void(std::shared_ptr<const net::Body>)> done) override {
    if (body_.size() > max_bytes) {
      answer_by_connection(413);
    } else if (cut()) {
      answer_by_connection(400);
    } else {
      done(std::make_shared<FakeBody>(body_));
    }
  }

  void stream_body(std::uint64_t max_bytes, std::function<bool(std::string_view)> on_data,
                   std::function<void(bool complete)> on_end) override {
    std::size_t end = cut() ? *options_.cut_after : body_.size();
    for (std::size_t at = 0; at < end; at += options_.piece_bytes) {
      if (at >= max_bytes) {
        answer_by_connection(413);
        on_end(false);
        return;
      }
      if (!on_data(std::string_view(body_).substr(at, std::min(options_.piece_bytes, end - at)))) {
        return;
      }
    }
    if (cut() || end > max_bytes) {
      answer_by_connection(cut() ? 400 : 413);
      on_end(false);
      return;
    }
    on_end(true);
  }

  void respond(net::Response response) override {
    MutexLock lock(mutex_);
    if (response_) {
      std::abort();  // A handler that answers twice is a bug.
    }
    response_ = std::move(response);
    answered_.notify_all();
  }

  Result<std::shared_ptr<net::WebSocket>> upgrade(net::Headers extra) override {
    if (!options_.socket) {
      return Error{Errc::invalid_input, "not a WebSocket handshake"};
    }
    net::Response response;
    response.status = 101;
    response.headers = std::move(extra);
    respond(std::move(response));
    return options_.socket;
  }

  // The response, once it is there; nullopt after `patience` without one.
  std::optional<net::Response> wait(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    MutexLock lock(mutex_);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!response_ && answered_.wait_until(lock, end)) {
    }
    auto out = response_;
    if (response_) {
      response_->source.reset();  // the caller's now: it may hold this exchange
    }
    return out;
  }
  // Status and nothing else by the connection itself (too large, cut short): no handler's answer.
  bool answered_by_connection() const {
    MutexLock lock(mutex_);
    return by_connection_;
  }

 private:
  bool cut() const { return options_.cut_after && *options_.cut_after < body_.size(); }
  void answer_by_connection(int status) {
    net::Response response;
    response.status = status;
    response.close = true;
    {
      MutexLock lock(mutex_);
      by_connection_ = true;
    }
    respond(std::move(response));
  }

  net::Request request_;
  std::string body_;
  FakeExchangeOptions options_;
  mutable Mutex mutex_;
  Condition answered_;
  std::optional<net::Response> response_ RB_GUARDED_BY(mutex_);
  bool by_connection_ RB_GUARDED_BY(mutex_) = false;
};

}  // namespace reachback::testing
