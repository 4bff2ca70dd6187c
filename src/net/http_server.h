// The HTTP/1.1 server: framing, limits and time-outs are its business, meaning is the handler's.
//
// Framing (RFC 9112; trust.md §5.0): Content-Length together with Transfer-Encoding, two
// Content-Lengths, a bad chunk, obs-fold, bare CR or LF, a space before the colon, NUL or control
// characters, missing or repeated Host -> 400 and close; a transfer coding other than chunked ->
// 501 and close; head over 16 KiB or 100 fields -> 431; request line over 8 KiB -> 414; versions
// other than 1.0/1.1 -> 505; head not complete in 10 s -> 408; body slower than 1 KiB/s after 10 s
// -> 408; body over the limit -> 413; idle 60 s -> closed; absolute-form targets are reduced to
// their path. Expect: 100-continue is answered when the body is asked for. TCP_NODELAY is set on
// every socket. A TLS client that asks for a name (SNI) which the certificate does not have is
// refused with an alert. Rates are judged in windows of body_grace.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/message.h"
#include "net/tls.h"
#include "net/web_socket.h"

namespace reachback::net {

// One request and its one response. Held by shared_ptr: drop it without respond() and the
// connection answers 500 and closes.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;
  virtual Loop& loop() = 0;

  // Reads the whole body, at most max_bytes. Above 64 KiB it goes to a temporary file. Once; loop
  // thread; `done` on the loop thread. On too_large (413), timed_out (408) or a broken frame (400)
  // the connection answers by itself and `done` is not called.
  virtual void read_body(std::uint64_t max_bytes,
                         std::function<void(std::shared_ptr<const Body>)> done) = 0;

  // Hands the body out in pieces as it arrives, in constant memory. `on_data` returns false to stop
  // (then respond() with close). `on_end(true)`: the body is complete; `on_end(false)`: cut short
  // or over max_bytes; the connection has answered or closed.
  virtual void stream_body(std::uint64_t max_bytes, std::function<bool(std::string_view)> on_data,
                           std::function<void(bool complete)> on_end) = 0;

  // Sends the response. Once; any thread. An unread body is drained (up to 64 KiB, else the
  // connection closes after the answer).
  virtual void respond(Response response) = 0;

  // The peer has shown a credential: its connection no longer counts as a stranger's. Loop thread.
  virtual void trust() {}

  // Answers 101 with these extra headers and turns the connection into a WebSocket. Loop thread.
  // Errors: invalid_input (not a WebSocket handshake): nothing was sent, respond() still works.
  virtual Result<std::shared_ptr<WebSocket>> upgrade(Headers extra) = 0;
};

// Called on a loop thread for every request whose head is complete. Must not block.
using HttpHandler = std::function<void(std::shared_ptr<Exchange>)>;
// The body of an error that the connection itself answers (status, message) -> response; sets the
// envelope's shape.
using ErrorRenderer = std::function<Response(int status, std::string_view message)>;

struct HttpServerOptions {
  std::size_t head_bytes_max = 16 << 10;
  std::size_t request_line_bytes_max = 8 << 10;
  std::size_t fields_max = 100;
  Duration head_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(60);
  Duration body_grace = std::chrono::seconds(10);
  std::uint64_t body_bytes_per_second_min = 1024;
  std::uint64_t send_bytes_per_second_min =
      1024;                    // a reader slower than this, after body_grace, is cut
  ErrorRenderer render_error;  // default: text/plain
  // Connections on which no credential was shown yet (Exchange::trust()). Of one address: one more
  // is closed at once, before TLS. Of all: the one that came first makes room for the newest, so
  // that many that wait never keep out one that works. 0: no limit. Source: trust.md T26.
  std::size_t strangers_per_address_max = 64;
  std::size_t strangers_max = 4096;
};

class HttpServer {
 public:
  // Listens on "host:port" (port 0: any free one) and serves on the loops of the pool. tls null:
  // plain HTTP (tests only). Errors: unavailable ("address in use", names the address),
  // invalid_input (address cannot be parsed).
  static Result<std::unique_ptr<HttpServer>> listen(LoopPool& loops, const std::string& address,
                                                    std::shared_ptr<TlsServerContext> tls,
                                                    HttpServerOptions options, HttpHandler handler);
  virtual ~HttpServer() = default;
  virtual std::string address() const = 0;  // "127.0.0.1:8443", the real port
  // Stops accepting, closes idle connections, lets requests under way finish up to `grace`;
  // WebSockets are told 1001. Blocks; not on a loop thread.
  virtual void drain(Duration grace) = 0;
};

}  // namespace reachback::net
