// Client assertions: an application signs that it is itself, instead of sending a secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/ports/directory.h"

namespace reachback::server {

// What an assertion must say to be taken.
struct AssertionTerms {
  std::string client_id;                // its issuer and subject
  std::vector<std::string> token_urls;  // one of them is its audience; in lower case
  Duration lifetime_max{};              // how far ahead it may expire
};

struct VerifiedAssertion {
  Sha256 use{};  // what is taken once: its `jti`, or all that was signed if it has none
  Timestamp expires{};
  Sha256 certificate{};  // thumbprint of the one that signed it
};

class ClientAssertions {
 public:
  virtual ~ClientAssertions() = default;
  // Whether one of the certificates signed `assertion`, and it says what it must. RS256, PS256,
  // ES256; the certificate is named by x5t#S256, x5t or kid, and must be valid now. What it says is
  // judged first and without regard to the certificates, so that those answers tell nothing of
  // them; then one signature is checked, even if no certificate fits (an unknown application has
  // none), and there is one answer for all that is wrong there. In memory only. Any thread.
  // Errors: invalid_assertion.
  // Source: RFC 7523 §3; Microsoft identity platform, certificate credentials.
  virtual Result<VerifiedAssertion> verify(std::string_view assertion, const AssertionTerms& terms,
                                           const std::vector<AppCertificate>& certificates,
                                           Timestamp now) const = 0;
};

}  // namespace reachback::server
