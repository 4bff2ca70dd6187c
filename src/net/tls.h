// TLS contexts, shared by connections. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::net {

enum class TlsVersions { tls12_and_13, tls13_only };

class TlsServerContext {
 public:
  // Errors: invalid_input (unreadable PEM, key and certificate do not belong together).
  static Result<std::shared_ptr<TlsServerContext>> create(std::string_view certificate_pem,
                                                          std::string_view key_pem,
                                                          TlsVersions versions);
  virtual ~TlsServerContext() = default;
  // Connections that begin from now on get this certificate; those that stand keep theirs.
  // Errors: as create(); the old one stays then.
  virtual Result<void> renew(std::string_view certificate_pem, std::string_view key_pem) = 0;
};

class TlsClientContext {
 public:
  // Trusts the CAs of `ca_pem` and nothing else; the name or address called is checked against the
  // certificate. Errors: invalid_input.
  static Result<std::shared_ptr<TlsClientContext>> create(std::string_view ca_pem,
                                                          TlsVersions versions);
  virtual ~TlsClientContext() = default;
};

// The label under which both ends derive the same 32 bytes from a TLS 1.3 session (RFC 8446 §7.5).
inline constexpr std::string_view kExporterLabel = "EXPORTER-reachback-hello";

}  // namespace reachback::net
