// The codes of Error, chosen by what the caller should do. api/errors.json maps each to HTTP status
// and MDE code.
#pragma once

#include <string_view>

namespace reachback {

enum class Errc {
  // The request is wrong; sending it again does not help.
  invalid_input,      // a value is malformed or out of range
  invalid_body,       // the body is not what the route takes
  missing_parameter,  // a required parameter is absent
  invalid_ip,         // an IP address is malformed
  invalid_query,      // an OData option or function argument is wrong or not served
  invalid_request,    // OAuth: malformed token request
  too_large,          // over a size limit
  batch_too_large,    // more elements than allowed
  unsupported_media,  // the content type is not taken here
  // Who asks.
  unauthenticated,    // no credential, or one that does not verify
  forbidden,          // verified, but may not
  disallowed,         // may, but not this: a rule of the tenant's is against it
  invalid_client,     // OAuth: unknown application or wrong secret
  invalid_assertion,  // OAuth: a client assertion that is not taken
  invalid_scope,      // OAuth: the scope is not granted
  unsupported_grant,  // OAuth: grant_type is not served
  invalid_grant,      // OAuth: a user's name, password or code, or a token to refresh, is not taken
  code_pending,       // OAuth: the user has not said yes or no to the device code
  slow_down,          // OAuth: the device code is asked about too often
  expired_code,       // OAuth: the device code is over
  access_denied,      // OAuth: the user said no
  // The object.
  not_found,
  gone,              // was here, removed by retention
  already_exists,    // a name is taken
  os_not_supported,  // the machine's platform has no live response
  already_active,    // the machine has an unfinished live response action
  already_final,     // the action has ended
  conflict,          // somebody else changed it first: read again
  mismatch,          // same key, other content (idempotency key, digest)
  method_not_allowed,
  // Try later.
  too_many_requests,
  unavailable,
  timed_out,
  storage_full,
  // Ours to mend.
  io,
  corrupt,
  protocol,  // the other side broke the protocol
  internal,
};

// The enumerator's name, as in api/errors.json.
std::string_view to_string(Errc code);

}  // namespace reachback
