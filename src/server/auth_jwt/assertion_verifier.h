// The port ClientAssertions over JWTs.
#pragma once

#include <map>
#include <memory>

#include "server/auth_jwt/keys.h"
#include "server/ports/client_assertions.h"

namespace reachback::server {

// Immutable; any thread.
class AssertionVerifier : public ClientAssertions {
 public:
  static Result<std::unique_ptr<AssertionVerifier>> create();
  Result<VerifiedAssertion> verify(std::string_view assertion, const AssertionTerms& terms,
                                   const std::vector<AppCertificate>& certificates,
                                   Timestamp now) const override;

 private:
  AssertionVerifier() = default;
  // Checked where no certificate fits: the same work, and what comes of it does not count.
  std::map<Algorithm, VerificationKey> nobodys_;
};

}  // namespace reachback::server
