// A connected, non-blocking socket, plain or under TLS. Reads and writes say what they wait for
// instead of blocking; wait() waits. Holds no buffers while nothing is under way. For the .cc files
// of this folder; loop thread only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/loop_impl.h"
#include "net/tls_impl.h"

namespace reachback::net {

class Stream {
 public:
  enum class Status {
    ok,
    want_read,   // wait(want_read), then the same call again
    want_write,  // wait(want_write), then the same call again with the same bytes
    closed,      // the peer has ended the connection
    failed,      // broken; reason() says how
  };
  struct Io {
    Status status = Status::failed;
    std::size_t bytes = 0;
  };

  Stream(TcpSocket socket, SslPtr ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {}

  Io handshake();  // ok at once without TLS
  Io read(char* out, std::size_t size);
  Io write(std::string_view bytes);  // ok: bytes > 0 were taken, perhaps not all
  // Bytes that no wait would tell of, because they have left the socket already.
  bool has_pending() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }
  // The end was announced; without that, an answer that ends with the connection may be cut short.
  bool ended_cleanly() const { return ended_cleanly_; }

  // Tells the peer that nothing follows. What it still sends is read by discard().
  void finish_writing();
  Io discard(char* out, std::size_t size);
  void cancel_waits();
  void close();

  std::string_view reason() const { return reason_; }
  // For a failed client handshake: the reason, or why the certificate was refused.
  std::string handshake_reason() const;
  std::string peer_ip() const;
  std::string exporter() const;  // 32 bytes under kExporterLabel; empty without TLS

  // `handler(ErrorCode)`, also when cancelled. want: want_read or want_write.
  template <typename Handler>
  void wait(Status want, Handler handler) {
    socket_.async_wait(want == Status::want_write ? TcpSocket::wait_write : TcpSocket::wait_read,
                       std::move(handler));
  }

 private:
  Io ssl_outcome(int result);
  Io errno_outcome();

  TcpSocket socket_;
  SslPtr ssl_;
  const char* reason_ = "";
  bool ended_cleanly_ = false;
};

}  // namespace reachback::net
