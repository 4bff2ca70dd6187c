// Reading requests of the token addresses. Source: RFC 6749 §2.3, §4.1.3, §4.4, §6; RFC 7521 §4.2;
// RFC 7636 §4.5; RFC 8628 §3.4; clients.md §2.1.
#pragma once

#include <string>

#include "base/secret.h"
#include "net/message.h"
#include "server/ports/tokens.h"
#include "server/rest/client_text.h"
#include "server/rest/errors.h"

namespace reachback::server::rest {

enum class Grant { client_credentials, authorization_code, refresh_token, device_code };

struct TokenRequest {
  Grant grant = Grant::client_credentials;
  ClientText client;
  std::string scope, resource;  // as the client spelled them
  std::string audience;         // of client_credentials: for the token
  // Of the other grants; each is there if it is the grant's.
  Secret code, verifier, refresh_token, device_code;
  std::string redirect_uri;
};

// client_credentials takes `scope` or `resource`, and a secret in the body or in Basic or a signed
// assertion in the body, at either address; the others take these too, or a public client's id
// alone. The content type is not looked at unless it says JSON; parameters that are not known are
// ignored. Errors: invalid_request (malformed, a parameter twice, a secret in the address or in two
// places, a secret and an assertion, an assertion of another type than a JWT), missing_parameter,
// unsupported_grant, invalid_client (neither secret nor assertion for client_credentials),
// invalid_scope. No message holds a secret.
Result<TokenRequest> parse_token_request(const net::Request& request, std::string_view body,
                                         const Audiences& audiences, std::size_t parameters_max);

struct DeviceCodeRequest {
  ClientText client;
  std::string scope, resource;
};
// Of the device code addresses. Errors: as above.
Result<DeviceCodeRequest> parse_device_request(const net::Request& request, std::string_view body,
                                               std::size_t parameters_max);

struct RevocationRequest {
  ClientText client;
  Secret token;
};
// Source: RFC 7009 §2.1. Errors: as above.
Result<RevocationRequest> parse_revocation_request(const net::Request& request,
                                                   std::string_view body,
                                                   std::size_t parameters_max);

}  // namespace reachback::server::rest
