// What a token says, before anyone believes it: the compact form (RFC 7515 §7.1), the header, the
// claims. Pure. nullopt everywhere means malformed; the caller has one answer for that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace reachback::server {

inline constexpr std::size_t kTokenBytesMax = 8 << 10;

struct TokenText {
  std::string_view signed_part;   // of the token that was split
  std::string_view payload_part;  // of it, as it stands there
  std::string header;             // JSON, decoded, as are the next two
  std::string payload;
  std::string signature;
};
// At most bytes_max, exactly three parts, canonical base64url without padding.
std::optional<TokenText> split_token(std::string_view token,
                                     std::size_t bytes_max = kTokenBytesMax);

struct TokenHeader {
  std::string alg;
  std::string typ;
  std::string kid;
  std::string seal;  // of our own tokens
};
// `alg`, `typ`, `kid` and `seal` are strings. Malformed too: `crit`, and every parameter that
// brings its own key or address of one (`jku`, `jwk`, `x5u`, `x5c`) or changes what is signed
// (`b64`, `enc`, `zip`). Others are ignored. Source: RFC 8725 §3.10, trust.md T09.
std::optional<TokenHeader> parse_token_header(std::string_view json);

// Absent strings are empty. Times are whole seconds since 1970, from 1970 to 2100.
struct TokenClaims {
  std::string iss, sub, tid, jti, ver;
  std::string appid, azp, client_id, oid, sid;
  std::string preferred_username, upn, email, unique_name;
  std::vector<std::string> aud;                 // a string or an array of strings
  std::vector<std::string> roles;               // an array of strings
  std::optional<std::vector<std::string>> scp;  // words of a string, or an array of strings
  std::int64_t exp = 0, iat = 0;
  std::optional<std::int64_t> nbf;
  std::optional<std::int64_t> iat_us;  // ours only: the moment of issue in microseconds
};
// `iss`, `sub`, `aud`, `exp` and `iat` are required; a known claim of another type is malformed.
std::optional<TokenClaims> parse_token_claims(std::string_view json);

// An array of at most 500 strings. nullopt: anything else.
std::optional<std::vector<std::string>> texts_of(const json::Value& array);
// What stands between the blanks.
std::vector<std::string> split_words(std::string_view text);

}  // namespace reachback::server
