// Reading a client-credentials request. Source: RFC 6749 §2.3, §4.4; RFC 7521 §4.2; clients.md
// §2.1.
#pragma once

#include <string>

#include "base/secret.h"
#include "net/message.h"
#include "server/ports/tokens.h"
#include "server/rest/errors.h"

namespace reachback::server::rest {

struct TokenRequest {
  std::string client_id;
  Secret client_secret;     // one of these two is there, the other empty
  Secret client_assertion;  // a JWT, by its type
  std::string asked;        // resource or scope, as the client spelled it
  std::string audience;     // for the token
};

// Takes `scope` or `resource`, and a secret in the body or in Basic or a signed assertion in the
// body, at either address; the content type is not looked at unless it says JSON; parameters that
// are not known are ignored. Errors: invalid_request (malformed, a parameter twice, a secret in the
// address or in two places, a secret and an assertion, an assertion of another type than a JWT),
// missing_parameter, unsupported_grant, invalid_client (neither secret nor assertion),
// invalid_scope. No message holds a secret.
Result<TokenRequest> parse_token_request(const net::Request& request, std::string_view body,
                                         const Audiences& audiences, std::size_t parameters_max);

}  // namespace reachback::server::rest
