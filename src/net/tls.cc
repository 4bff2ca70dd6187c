#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/mutex.h"
#include "net/tls_impl.h"

namespace reachback::net {
namespace {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, Deleter>;
using CertificatePtr = std::unique_ptr<X509, Deleter>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter>;

Result<SslContextPtr> make_server_context(std::string_view certificate_pem,
                                          std::string_view key_pem, TlsVersions versions);

class ServerContext final : public TlsServerContext {
 public:
  ServerContext(SslContextPtr context, TlsVersions versions)
      : versions_(versions), context_(std::move(context)) {}
  // Each SSL keeps its context alive.
  SslPtr make_ssl() const {
    MutexLock lock(mutex_);
    return SslPtr(SSL_new(context_.get()));
  }
  Result<void> renew(std::string_view certificate_pem, std::string_view key_pem) override {
    RB_TRY_ASSIGN(SslContextPtr fresh, make_server_context(certificate_pem, key_pem, versions_));
    MutexLock lock(mutex_);
    context_.swap(fresh);
    return {};
  }

 private:
  const TlsVersions versions_;
  mutable Mutex mutex_;
  SslContextPtr context_ RB_GUARDED_BY(mutex_);
};

class ClientContext final : public TlsClientContext {
 public:
  explicit ClientContext(SslContextPtr context) : context_(std::move(context)) {}
  SSL_CTX* get() const { return context_.get(); }

 private:
  SslContextPtr context_;
};

// The socket as a BIO. OpenSSL's own uses write(2), which raises SIGPIPE when the peer has gone;
// ignoring that signal would be inherited by every process the agent starts.
int socket_fd(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}
bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}
int socket_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto sent = ::send(socket_fd(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && would_block(errno)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}
int socket_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto got = ::recv(socket_fd(bio), data, static_cast<std::size_t>(size), 0);
  if (got < 0 && would_block(errno)) {
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(got);
}
long socket_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}
int socket_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}
BIO_METHOD* socket_method() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, socket_write);
    BIO_meth_set_read(made, socket_read);
    BIO_meth_set_ctrl(made, socket_control);
    BIO_meth_set_create(made, socket_create);
    return made;
  }();
  return method;
}

bool attach(SSL* ssl, int fd) {
  BIO* bio = BIO_new(socket_method());
  if (bio == nullptr) {
    return false;
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the descriptor travels where OpenSSL has a pointer
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  SSL_set_bio(ssl, bio, bio);
  return true;
}

SslContextPtr make_context(const SSL_METHOD* method, TlsVersions versions) {
  SslContextPtr context(SSL_CTX_new(method));
  if (!context) {
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(
      context.get(), versions == TlsVersions::tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);  // One recv per record instead of two.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

Error bad_pem(const char* what) {
  ERR_clear_error();
  return Error{Errc::invalid_input, what};
}

// RFC 6066 §3: a name that this server does not answer to is refused with an alert. A client that
// sends no name is served.
int check_server_name(SSL* ssl, int* alert, void*) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  X509* certificate = SSL_get_certificate(ssl);
  if (name == nullptr || certificate == nullptr ||
      X509_check_host(certificate, name, 0, 0, nullptr) == 1 ||
      X509_check_ip_asc(certificate, name, 0) == 1) {
    return SSL_TLSEXT_ERR_OK;
  }
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<SslContextPtr> make_server_context(std::string_view certificate_pem,
                                          std::string_view key_pem, TlsVersions versions) {
  SslContextPtr context = make_context(TLS_server_method(), versions);
  if (!context) {
    return Error{Errc::internal, "no TLS context"};
  }
  BioPtr input(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  CertificatePtr leaf(PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context.get(), leaf.get()) != 1) {
    return bad_pem("unreadable TLS certificate");
  }
  while (X509* issuer = PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context.get(), issuer) != 1) {
      X509_free(issuer);
      return bad_pem("unreadable certificate in the TLS chain");
    }
  }
  ERR_clear_error();  // The end of the PEM text counts as an error.
  BioPtr key_input(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  KeyPtr key(PEM_read_bio_PrivateKey(key_input.get(), nullptr, nullptr, nullptr));
  if (!key) {
    return bad_pem("unreadable TLS private key");
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return bad_pem("TLS certificate and private key do not belong together");
  }
  SSL_CTX_set_num_tickets(context.get(), 1);
  SSL_CTX_set_tlsext_servername_callback(context.get(), check_server_name);
  return context;
}

}  // namespace

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::create(std::string_view certificate_pem,
                                                                   std::string_view key_pem,
                                                                   TlsVersions versions) {
  RB_TRY_ASSIGN(SslContextPtr context, make_server_context(certificate_pem, key_pem, versions));
  return std::shared_ptr<TlsServerContext>(
      std::make_shared<ServerContext>(std::move(context), versions));
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::create(std::string_view ca_pem,
                                                                   TlsVersions versions) {
  SslContextPtr context = make_context(TLS_client_method(), versions);
  if (!context) {
    return Error{Errc::internal, "no TLS context"};
  }
  BioPtr input(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  std::size_t trusted = 0;
  while (X509* raw = PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr)) {
    CertificatePtr ca(raw);
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get()) == 1) {
      ++trusted;
    }
  }
  if (trusted == 0) {
    return bad_pem("unreadable CA certificate");
  }
  ERR_clear_error();
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<TlsClientContext>(std::make_shared<ClientContext>(std::move(context)));
}

SslPtr make_server_ssl(const TlsServerContext& context, int fd) {
  SslPtr ssl = static_cast<const ServerContext&>(context).make_ssl();
  if (!ssl || !attach(ssl.get(), fd)) {
    return nullptr;
  }
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr make_client_ssl(const TlsClientContext& context, int fd, const std::string& host) {
  SslPtr ssl(SSL_new(static_cast<const ClientContext&>(context).get()));
  if (!ssl || !attach(ssl.get(), fd)) {
    return nullptr;
  }
  X509_VERIFY_PARAM* verify = SSL_get0_param(ssl.get());
  unsigned char address[16];
  bool is_address = inet_pton(AF_INET, host.c_str(), address) == 1 ||
                    inet_pton(AF_INET6, host.c_str(), address) == 1;
  bool expected = false;
  if (is_address) {
    expected = X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1;
  } else {
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    expected = X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size()) == 1 &&
               SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  }
  if (!expected) {
    return nullptr;
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace reachback::net
