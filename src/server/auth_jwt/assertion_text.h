// What a client assertion says, before anyone believes it. Pure. nullopt everywhere means
// malformed; the caller has one answer for that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/auth_jwt/keys.h"

namespace reachback::server {

// Some clients put a chain of certificates into the header.
inline constexpr std::size_t kAssertionBytesMax = 32 << 10;

struct AssertionHeader {
  Algorithm algorithm = Algorithm::rs256;
  std::string x5t_s256, x5t, kid;  // empty: absent
};
// RS256, PS256 or ES256, exactly. Malformed too: `crit`, and every parameter that says where the
// key is (`jku`, `jwk`, `x5u`) or changes what is signed (`b64`, `enc`, `zip`). Others are ignored,
// `x5c` among them, which some clients send: a key comes from a certificate that was added here.
std::optional<AssertionHeader> parse_assertion_header(std::string_view json);

struct AssertionClaims {
  std::string iss, sub;
  std::string jti;               // empty: absent
  std::vector<std::string> aud;  // a string or an array of strings
  // Whole seconds since 1970; a fraction, as MSAL for Python sends it, is cut off.
  std::int64_t exp = 0;
  std::optional<std::int64_t> nbf;
};
// `iss`, `sub`, `aud` and `exp` are required; one of these of another type is malformed.
std::optional<AssertionClaims> parse_assertion_claims(std::string_view json);

}  // namespace reachback::server
