// The handler's end of one request.
#pragma once

#include <atomic>
#include <memory>

#include "net/http_server.h"

namespace reachback::net {

class HttpConnection;

class HttpExchange final : public Exchange, public std::enable_shared_from_this<HttpExchange> {
 public:
  HttpExchange(Loop& loop, std::shared_ptr<HttpConnection> connection, std::uint64_t number,
               Request request);
  ~HttpExchange() override;

  const Request& request() const override { return request_; }
  Loop& loop() override { return loop_; }
  void read_body(std::uint64_t max_bytes,
                 std::function<void(std::shared_ptr<const Body>)> done) override;
  void stream_body(std::uint64_t max_bytes, std::function<bool(std::string_view)> on_data,
                   std::function<void(bool complete)> on_end) override;
  void respond(Response response) override;
  void trust() override;
  Result<std::shared_ptr<WebSocket>> upgrade(Headers extra) override;

 private:
  Loop& loop_;
  // Let go on the loop thread only, where connections die.
  std::shared_ptr<HttpConnection> connection_;
  std::uint64_t number_;
  Request request_;
  std::atomic<bool> responded_{false};
};

}  // namespace reachback::net
