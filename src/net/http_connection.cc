#include "net/http_connection.h"

#include "net/http_exchange.h"
#include "net/http_write.h"
#include "net/ws_connection.h"
#include "net/ws_handshake.h"

namespace reachback::net {
namespace {

// Steps before other connections get a turn; one moves kScratchBytes at most.
constexpr int kStepsPerTurn = 16;
constexpr Duration kHandshakeTimeout = std::chrono::seconds(10);

}  // namespace

HttpConnection::HttpConnection(Loop& loop, std::shared_ptr<const ServerContext> server,
                               Stream stream, std::string peer_ip)
    : loop_(loop),
      server_(std::move(server)),
      stream_(std::move(stream)),
      deadline_(loop, [this] { on_deadline(); }),
      peer_ip_(std::move(peer_ip)) {}

void HttpConnection::start(std::shared_ptr<OpenConnections> group, std::shared_ptr<void> place) {
  bool draining = group->draining();
  join(std::move(group), std::move(place));
  if (draining) {
    close();
    return;
  }
  deadline_.set(kHandshakeTimeout);
  pump();
}

void HttpConnection::pump() {
  if (pumping_) {
    return;
  }
  pumping_ = true;
  int steps = kStepsPerTurn;
  while (step()) {
    if (--steps == 0) {
      pump_later();
      break;
    }
  }
  pumping_ = false;
}

void HttpConnection::pump_later() {
  if (!pump_posted_) {
    pump_posted_ = true;
    asio::post(loop_.impl().io, [self = shared_from_this()] {
      self->pump_posted_ = false;
      self->pump();
    });
  }
}

bool HttpConnection::step() {
  switch (state_) {
    case State::handshake:
      return step_handshake();
    case State::head:
      return step_head();
    case State::body:
      return step_body();
    case State::sending:
      return step_sending();
    case State::discarding:
      return step_discarding();
    case State::lingering:
      return step_lingering();
    case State::handling:
    case State::waiting:
    case State::closed:
      return false;
  }
  return false;
}

void HttpConnection::arm(Stream::Status want) {
  if (armed_) {
    if (armed_for_ == want) {
      return;
    }
    stream_.cancel_waits();
  }
  armed_ = true;
  armed_for_ = want;
  stream_.wait(want, [self = shared_from_this(), number = ++wait_number_](ErrorCode error) {
    if (number != self->wait_number_) {
      return;
    }
    self->armed_ = false;
    if (!error) {
      self->readable_ = true;
      self->pump();
    }
  });
}

// In each window of body_grace a body or an answer must move on by its least rate.
void HttpConnection::set_window(State state) {
  state_ = state;
  window_bytes_ = 0;
  deadline_.set(server_->options.body_grace);
}

void HttpConnection::on_deadline() {
  auto self = shared_from_this();
  const HttpServerOptions& options = server_->options;
  auto least = [&](std::uint64_t per_second) {
    return per_second * static_cast<std::uint64_t>(options.body_grace.count()) / 1'000'000;
  };
  switch (state_) {
    case State::head:
      if (head_started_) {
        fail(408, "the request head took too long");
      } else {
        close();
      }
      break;
    case State::body:
      if (window_bytes_ < least(options.body_bytes_per_second_min)) {
        fail(408, "the request body arrives too slowly");
      } else {
        set_window(State::body);
      }
      break;
    case State::sending:
      if (window_bytes_ < least(options.send_bytes_per_second_min)) {
        close();
      } else {
        set_window(State::sending);
      }
      break;
    case State::handshake:
    case State::discarding:
    case State::lingering:
      close();
      break;
    case State::handling:
    case State::waiting:
    case State::closed:
      break;
  }
}

bool HttpConnection::step_handshake() {
  Stream::Io io = stream_.handshake();
  switch (io.status) {
    case Stream::Status::ok:
      next_request();
      return true;
    case Stream::Status::want_read:
    case Stream::Status::want_write:
      arm(io.status);
      return false;
    case Stream::Status::closed:
      close();
      return false;
    case Stream::Status::failed:
      begin_linger();  // An alert may be on its way.
      return true;
  }
  return false;
}

void HttpConnection::next_request() {
  state_ = State::head;
  head_started_ = false;
  scanner_.reset();
  if (group() && group()->draining() && in_.empty()) {
    begin_linger();
    return;
  }
  deadline_.set(server_->options.idle_timeout);
}

bool HttpConnection::step_head() {
  if (!in_.empty() && try_head(in_)) {
    return true;
  }
  if (!readable_) {
    arm(Stream::Status::want_read);
    return false;
  }
  auto& scratch = loop_.impl().scratch;
  Stream::Io io = stream_.read(scratch.data(), scratch.size());
  readable_ = io.status == Stream::Status::ok && stream_.has_pending();
  switch (io.status) {
    case Stream::Status::ok:
      if (!head_started_) {
        head_started_ = true;
        deadline_.set(server_->options.head_timeout);
      }
      if (in_.empty()) {
        std::string_view input(scratch.data(), io.bytes);
        if (!try_head(input)) {
          in_.assign(input);
        }
      } else {
        in_.append(scratch.data(), io.bytes);
      }
      return true;
    case Stream::Status::want_read:
    case Stream::Status::want_write:
      arm(io.status);
      return false;
    case Stream::Status::closed:
    case Stream::Status::failed:
      close();
      return false;
  }
  return false;
}

// `input` is in_ or freshly read. True: it was a whole head or a bad one.
bool HttpConnection::try_head(std::string_view input) {
  switch (scanner_.scan(input, server_->limits)) {
    case HeadScanner::State::need_more:
      if (!head_started_) {  // The beginning came behind the request before.
        head_started_ = true;
        deadline_.set(server_->options.head_timeout);
      }
      return false;
    case HeadScanner::State::bad:
      fail(scanner_.fault().status, scanner_.fault().message);
      return true;
    case HeadScanner::State::complete:
      begin_request(scanner_.head_bytes(), input);
      return true;
  }
  return false;
}

void HttpConnection::begin_request(std::size_t head_bytes, std::string_view input) {
  RequestHead head;
  auto fault = parse_request_head(input.substr(0, head_bytes), server_->limits, head);
  if (fault) {
    fail(fault->status, fault->message);
    return;
  }
  if (input.data() == in_.data()) {
    in_.erase(0, head_bytes);
    if (in_.empty()) {
      in_ = std::string();
    }
  } else {
    in_.assign(input.substr(head_bytes));
  }
  head.request.peer_ip = peer_ip_;
  ++number_;
  answered_ = false;
  is_head_request_ = head.request.method == "HEAD";
  is_http_1_0_ = head.is_http_1_0;
  chunked_ = head.chunked;
  chunks_ = ChunkDecoder();
  body_left_ = head.request.content_length.value_or(0);
  body_taken_ = 0;
  body_complete_ = !head.request.has_body;
  continue_due_ = head.expects_continue && in_.empty();
  close_after_ = !head.keep_alive;
  state_ = State::handling;
  deadline_.clear();
  server_->handler(
      std::make_shared<HttpExchange>(loop_, shared_from_this(), number_, std::move(head.request)));
}

void HttpConnection::close() {
  if (state_ == State::closed) {
    return;
  }
  auto self = weak_from_this().lock();
  state_ = State::closed;
  ++wait_number_;
  deadline_.clear();
  leave();
  stream_.close();
  in_ = std::string();
  out_ = std::string();
  file_.reset();
  source_.reset();
  auto sink = std::move(sink_);
  if (sink && sink->on_end) {
    // Not at once: the handler may be the one who is calling.
    loop_.post([on_end = std::move(sink->on_end)] { on_end(false); });
  }
}

void HttpConnection::trust(std::uint64_t number) {
  if (number == number_ && state_ != State::closed) {
    no_stranger();
  }
}

void HttpConnection::drain() {
  if (state_ == State::handshake || (state_ == State::head && !head_started_)) {
    close();
  }
}

Result<std::shared_ptr<WebSocket>> HttpConnection::upgrade(std::uint64_t number,
                                                           const Request& request,
                                                           const Headers& extra) {
  if (number != number_ || answered_ || state_ != State::handling) {
    return Error{Errc::invalid_input, "the request is answered already"};
  }
  RB_TRY_ASSIGN(std::string key, web_socket_request_key(request));
  if (group() && group()->draining()) {
    return Error{Errc::invalid_input, "the server is going away"};
  }
  WsConnection::Start start;
  start.first_bytes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n";
  start.first_bytes += "Connection: Upgrade\r\nSec-WebSocket-Accept: " + web_socket_accept(key);
  start.first_bytes += "\r\n";
  for (const auto& [name, value] : extra.all()) {
    append_field(start.first_bytes, name, value);
  }
  start.first_bytes += "\r\n";
  start.received = std::move(in_);
  start.peer_ip = peer_ip_;
  start.group = group();
  start.place = take_place();
  if (armed_) {
    stream_.cancel_waits();
  }
  answered_ = true;
  auto socket =
      WsConnection::make(loop_, std::move(stream_), WsConnection::Role::server, std::move(start));
  state_ = State::closed;
  ++wait_number_;
  deadline_.clear();
  leave();
  return std::shared_ptr<WebSocket>(std::move(socket));
}

}  // namespace reachback::net
