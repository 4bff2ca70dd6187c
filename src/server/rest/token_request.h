// Reading a client-credentials request. Source: RFC 6749 §2.3, §4.4; clients.md §2.1.
#pragma once

#include <string>

#include "base/secret.h"
#include "net/message.h"
#include "server/ports/tokens.h"
#include "server/rest/errors.h"

namespace reachback::server::rest {

struct TokenRequest {
  std::string client_id;
  Secret client_secret;
  std::string asked;     // resource or scope, as the client spelled it
  std::string audience;  // for the token
};

// Takes `scope` or `resource` and a secret in the body or in Basic, at either address; the content
// type is not looked at unless it says JSON; parameters that are not known are ignored. Errors:
// invalid_request (malformed, a parameter twice, a secret in the address or in two places),
// missing_parameter, unsupported_grant, invalid_client (no secret, or an assertion),
// invalid_scope. No message holds a secret.
Result<TokenRequest> parse_token_request(const net::Request& request, std::string_view body,
                                         const Audiences& audiences, std::size_t parameters_max);

}  // namespace reachback::server::rest
