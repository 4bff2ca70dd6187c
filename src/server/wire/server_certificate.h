// The server's TLS certificate: made at the start, and anew while the server runs, well before it
// ends, so that a server that runs for years does not drop its agents one day. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/x509.h"
#include "net/tls.h"

namespace reachback::server {

class ServerCertificate {
 public:
  // Errors: those of issue_server_certificate() and TlsServerContext::create().
  static Result<ServerCertificate> create(crypto::PemPair ca, std::vector<std::string> names,
                                          int days, const Clock& clock);
  // For the listeners; they stay the same when the certificate is renewed.
  std::shared_ptr<net::TlsServerContext> public_tls() const { return public_tls_; }
  std::shared_ptr<net::TlsServerContext> agent_tls() const { return agent_tls_; }

  // With less than a third of its life left, makes another; call it every now and then. New
  // connections get it. False: not due. Errors: as create(); the old one stays then.
  Result<bool> renew_if_due();

 private:
  ServerCertificate(crypto::PemPair ca, std::vector<std::string> names, int days,
                    const Clock& clock)
      : ca_(std::move(ca)), names_(std::move(names)), days_(days), clock_(&clock) {}
  Result<crypto::PemPair> issue();

  crypto::PemPair ca_;
  std::vector<std::string> names_;
  int days_;
  const Clock* clock_;
  Timestamp made_{};
  std::shared_ptr<net::TlsServerContext> public_tls_, agent_tls_;
};

}  // namespace reachback::server
