// The client's opening handshake.
#include "net/connect.h"
#include "net/http_head.h"
#include "net/http_write.h"
#include "net/ws_connection.h"
#include "net/ws_handshake.h"

namespace reachback::net {
namespace {

constexpr HeadLimits kAnswerLimits;

// Kept alive by the connection attempt or its pending wait.
class Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  Handshake(Loop& loop, Url url, Headers headers, Done<WebSocketAnswer> done)
      : loop_(loop),
        url_(std::move(url)),
        headers_(std::move(headers)),
        done_(std::move(done)),
        deadline_(loop, [this] {
          auto self = shared_from_this();
          fail(Errc::timed_out, "timed out");
        }) {}

  void begin(std::shared_ptr<TlsClientContext> tls, const std::string& from, Duration timeout) {
    deadline_.set(timeout);
    connect_stream(loop_, url_.origin, std::move(tls), {}, from, timeout,
                   [self = shared_from_this()](Result<Stream> opened) {
                     if (!self->done_) {
                       return;
                     }
                     if (!opened.ok()) {
                       self->finish(opened.error());
                       return;
                     }
                     self->stream_.emplace(std::move(opened).value());
                     self->ask();
                   });
  }

 private:
  void ask() {
    key_ = make_web_socket_key();
    Headers headers;
    headers.add("Upgrade", "websocket");
    headers.add("Connection", "Upgrade");
    headers.add("Sec-WebSocket-Key", key_);
    headers.add("Sec-WebSocket-Version", "13");
    for (const auto& [name, value] : headers_.all()) {
      headers.add(name, value);
    }
    append_request_head(out_, "GET", url_.target, host_field(url_.origin), headers, std::nullopt);
    write();
  }

  void write() {
    while (!out_.empty()) {
      Stream::Io io = stream_->write(out_);
      if (io.status == Stream::Status::ok) {
        out_.erase(0, io.bytes);
      } else {
        wait(io, &Handshake::write);
        return;
      }
    }
    read();
  }

  void read() {
    char buffer[4096];
    while (done_) {
      Stream::Io io = stream_->read(buffer, sizeof buffer);
      if (io.status != Stream::Status::ok) {
        wait(io, &Handshake::read);
        return;
      }
      in_.append(buffer, io.bytes);
      switch (scanner_.scan(in_, kAnswerLimits)) {
        case HeadScanner::State::need_more:
          break;
        case HeadScanner::State::bad:
          fail(Errc::protocol, std::string(scanner_.fault().message));
          return;
        case HeadScanner::State::complete:
          judge();
          return;
      }
    }
  }

  void wait(Stream::Io io, void (Handshake::*then)()) {
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) {
      fail(Errc::unavailable, "connection lost: " + std::string(stream_->reason()));
      return;
    }
    stream_->wait(io.status, [self = shared_from_this(), then](ErrorCode) {
      if (self->done_) {
        ((*self).*then)();
      }
    });
  }

  void judge() {
    ResponseHead head;
    auto fault = parse_response_head(std::string_view(in_).substr(0, scanner_.head_bytes()),
                                     kAnswerLimits, head);
    if (fault) {
      fail(Errc::protocol, std::string(fault->message));
      return;
    }
    if (head.status != 101) {
      bool refused = head.status == 401 || head.status == 403;
      fail(refused ? Errc::forbidden : Errc::protocol, "answered " + std::to_string(head.status));
      return;
    }
    if (auto answer = check_web_socket_answer(head.headers, key_); !answer.ok()) {
      fail(answer.error().code, answer.error().message);
      return;
    }
    WsConnection::Start start;
    start.received = in_.substr(scanner_.head_bytes());
    start.peer_ip = stream_->peer_ip();
    WebSocketAnswer answer;
    answer.headers = std::move(head.headers);
    answer.socket = WsConnection::make(loop_, std::move(*stream_), WsConnection::Role::client,
                                       std::move(start));
    stream_.reset();
    finish(std::move(answer));
  }

  void fail(Errc code, const std::string& why) {
    finish(Error{code, "WebSocket to " + origin_text(url_.origin) + ": " + why});
  }

  void finish(Result<WebSocketAnswer> result) {
    deadline_.clear();
    if (stream_) {
      stream_->close();
    }
    if (auto done = std::exchange(done_, nullptr)) {
      done(std::move(result));
    }
  }

  Loop& loop_;
  Url url_;
  Headers headers_;
  Done<WebSocketAnswer> done_;  // Empty: over.
  std::optional<Stream> stream_;
  Deadline deadline_;
  std::string key_;
  std::string out_;
  std::string in_;
  HeadScanner scanner_;
};

}  // namespace

void connect_web_socket(Loop& loop, const std::string& url, std::shared_ptr<TlsClientContext> tls,
                        Headers headers, Duration timeout, Done<WebSocketAnswer> done,
                        const std::string& from) {
  auto parsed = parse_url(url);
  if (!parsed.ok()) {
    loop.post([done = std::move(done), error = parsed.error()] { done(error); });
    return;
  }
  auto handshake =
      std::make_shared<Handshake>(loop, *std::move(parsed), std::move(headers), std::move(done));
  handshake->begin(std::move(tls), from, timeout);
}

}  // namespace reachback::net
