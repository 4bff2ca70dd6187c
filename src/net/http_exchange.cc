#include "net/http_exchange.h"

#include "net/http_connection.h"

namespace reachback::net {

HttpExchange::HttpExchange(Loop& loop, std::shared_ptr<HttpConnection> connection,
                           std::uint64_t number, Request request)
    : loop_(loop),
      connection_(std::move(connection)),
      number_(number),
      request_(std::move(request)) {}

// NOLINTNEXTLINE(bugprone-exception-escape): only without memory, and then the program ends
HttpExchange::~HttpExchange() {
  if (connection_) {
    asio::post(loop_.impl().io, [connection = std::move(connection_), number = number_] {
      connection->abandon(number);
    });
  }
}

void HttpExchange::read_body(std::uint64_t max_bytes,
                             std::function<void(std::shared_ptr<const Body>)> done) {
  if (connection_) {
    connection_->read_body(number_, max_bytes, std::move(done));
  }
}

void HttpExchange::stream_body(std::uint64_t max_bytes,
                               std::function<bool(std::string_view)> on_data,
                               std::function<void(bool complete)> on_end) {
  if (connection_) {
    connection_->stream_body(number_, max_bytes, std::move(on_data), std::move(on_end));
  }
}

void HttpExchange::respond(Response response) {
  if (responded_.exchange(true)) {
    return;
  }
  if (loop_.on_thread()) {
    if (auto connection = std::move(connection_)) {
      connection->respond(number_, std::move(response));
    }
    return;
  }
  asio::post(loop_.impl().io,
             [self = shared_from_this(), response = std::move(response)]() mutable {
               if (auto connection = std::move(self->connection_)) {
                 connection->respond(self->number_, std::move(response));
               }
             });
}

void HttpExchange::trust() {
  if (connection_) {
    connection_->trust(number_);
  }
}

Result<std::shared_ptr<WebSocket>> HttpExchange::upgrade(Headers extra) {
  if (!connection_) {
    return Error{Errc::invalid_input, "the request is answered already"};
  }
  auto socket = connection_->upgrade(number_, request_, extra);
  if (socket.ok()) {
    responded_ = true;
    connection_.reset();
  }
  return socket;
}

}  // namespace reachback::net
