#include "server/wire/server_certificate.h"

namespace reachback::server {

// The chain and its key.
Result<crypto::PemPair> ServerCertificate::issue() {
  RB_TRY_ASSIGN(auto pair, crypto::issue_server_certificate(ca_, names_, days_, clock_->now()));
  pair.certificate += ca_.certificate;
  return pair;
}

Result<ServerCertificate> ServerCertificate::create(crypto::PemPair ca,
                                                    std::vector<std::string> names, int days,
                                                    const Clock& clock) {
  ServerCertificate out(std::move(ca), std::move(names), days, clock);
  out.made_ = clock.now();
  RB_TRY_ASSIGN(crypto::PemPair pair, out.issue());
  RB_TRY_ASSIGN(out.public_tls_, net::TlsServerContext::create(pair.certificate, pair.private_key,
                                                               net::TlsVersions::tls12_and_13));
  RB_TRY_ASSIGN(out.agent_tls_, net::TlsServerContext::create(pair.certificate, pair.private_key,
                                                              net::TlsVersions::tls13_only));
  return out;
}

Result<bool> ServerCertificate::renew_if_due() {
  const Timestamp now = clock_->now();
  const Duration life = std::chrono::hours(24) * days_;
  // A clock that was set back makes it not yet valid: as bad as over.
  if (now >= made_ && now < made_ + life * 2 / 3) {
    return false;
  }
  RB_TRY_ASSIGN(crypto::PemPair pair, issue());
  RB_TRY(public_tls_->renew(pair.certificate, pair.private_key));
  RB_TRY(agent_tls_->renew(pair.certificate, pair.private_key));
  made_ = now;
  return true;
}

}  // namespace reachback::server
