// A WebSocket (RFC 6455), either end: binary messages only, no extensions. Lives on one loop: every
// call and callback on its thread; the last reference may go on any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/loop.h"
#include "net/message.h"
#include "net/tls.h"

namespace reachback::net {

class WebSocket {
 public:
  virtual ~WebSocket() = default;
  // on_message: one whole message (fragments joined). on_close: once, the connection is gone; `why`
  // is for the log. Set both before returning to the loop. Callbacks are dropped after on_close, so
  // captured shared_ptrs are released.
  virtual void start(std::function<void(std::string_view)> on_message,
                     std::function<void(std::string_view why)> on_close) = 0;
  virtual void send(std::string message) = 0;  // queued; after close() ignored
  virtual std::size_t queued_bytes() const = 0;
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  // Pauses and resumes reading, for back-pressure.
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual Executor& loop() = 0;
  virtual std::string peer_ip() const = 0;
  // 32 bytes bound to the TLS session (kExporterLabel); empty without TLS.
  virtual std::string tls_exporter() const = 0;
  // As Exchange::trust().
  virtual void trust() {}
};

// A message over this closes with 1009.
inline constexpr std::size_t kWebSocketMessageBytesMax = 1 << 20;

struct WebSocketAnswer {
  std::shared_ptr<WebSocket> socket;
  Headers headers;  // of the 101
};
// Connects to wss://host:port/path. from: as in dialer.h. `done` once, on the loop thread.
// Errors: unavailable (no connection, the message says why; a certificate that does not verify says
// "certificate"), timed_out, forbidden (401/403), protocol (any other answer).
void connect_web_socket(Loop& loop, const std::string& url, std::shared_ptr<TlsClientContext> tls,
                        Headers headers, Duration timeout, Done<WebSocketAnswer> done,
                        const std::string& from = {});

}  // namespace reachback::net
