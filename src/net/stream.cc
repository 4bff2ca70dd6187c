#include "net/stream.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace reachback::net {
namespace {

int bounded(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

Stream::Io Stream::errno_outcome() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {Status::want_read};
  }
  reason_ = strerrordesc_np(errno);
  return {Status::failed};
}

Stream::Io Stream::ssl_outcome(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Status::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {Status::want_write};
    case SSL_ERROR_ZERO_RETURN:
      ended_cleanly_ = true;
      reason_ = "closed by the peer";
      return {Status::closed};
    case SSL_ERROR_SYSCALL:
      if (errno != 0) {
        reason_ = strerrordesc_np(errno);
        return {Status::failed};
      }
      reason_ = "closed by the peer";
      return {Status::closed};
    default: {
      const char* text = ERR_reason_error_string(ERR_peek_error());
      reason_ = text != nullptr ? text : "TLS failure";
      ERR_clear_error();
      return {Status::failed};
    }
  }
}

Stream::Io Stream::handshake() {
  if (!ssl_) {
    return {Status::ok};
  }
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Io{Status::ok} : ssl_outcome(result);
}

Stream::Io Stream::read(char* out, std::size_t size) {
  errno = 0;
  if (ssl_) {
    ERR_clear_error();
    int got = SSL_read(ssl_.get(), out, bounded(size));
    return got > 0 ? Io{Status::ok, static_cast<std::size_t>(got)} : ssl_outcome(got);
  }
  return discard(out, size);
}

Stream::Io Stream::discard(char* out, std::size_t size) {
  auto got = ::recv(socket_.native_handle(), out, size, 0);
  if (got > 0) {
    return {Status::ok, static_cast<std::size_t>(got)};
  }
  if (got == 0) {
    ended_cleanly_ = true;
    reason_ = "closed by the peer";
    return {Status::closed};
  }
  return errno_outcome();
}

Stream::Io Stream::write(std::string_view bytes) {
  errno = 0;
  if (ssl_) {
    ERR_clear_error();
    int sent = SSL_write(ssl_.get(), bytes.data(), bounded(bytes.size()));
    return sent > 0 ? Io{Status::ok, static_cast<std::size_t>(sent)} : ssl_outcome(sent);
  }
  auto sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    return {Status::ok, static_cast<std::size_t>(sent)};
  }
  Io outcome = errno_outcome();
  return outcome.status == Status::want_read ? Io{Status::want_write} : outcome;
}

void Stream::finish_writing() {
  if (ssl_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // Sends close_notify if the socket takes it; no answer is awaited.
    ERR_clear_error();
  }
  ErrorCode ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
}

void Stream::cancel_waits() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

void Stream::close() {
  ErrorCode ignored;
  socket_.close(ignored);
  ssl_.reset();
}

std::string Stream::handshake_reason() const {
  if (ssl_) {
    long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict != X509_V_OK) {
      return std::string("certificate verify failed: ") + X509_verify_cert_error_string(verdict);
    }
  }
  return reason_;
}

std::string Stream::peer_ip() const {
  ErrorCode error;
  auto endpoint = socket_.remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}

std::string Stream::exporter() const {
  if (!ssl_) {
    return {};
  }
  std::string bytes(32, '\0');
  if (SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                 bytes.size(), kExporterLabel.data(), kExporterLabel.size(),
                                 nullptr, 0, 0) != 1) {
    ERR_clear_error();
    return {};
  }
  return bytes;
}

}  // namespace reachback::net
