// The OpenSSL side of tls.h, for the .cc files of this folder.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/tls.h"

namespace reachback::net {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContextPtr = std::unique_ptr<SSL_CTX, SslFree>;

// A server session on a connected, non-blocking socket; null when memory is short.
SslPtr make_server_ssl(const TlsServerContext& context, int fd);
// A client session that accepts only a certificate for `host` (a name or an IP address).
SslPtr make_client_ssl(const TlsClientContext& context, int fd, const std::string& host);

}  // namespace reachback::net
