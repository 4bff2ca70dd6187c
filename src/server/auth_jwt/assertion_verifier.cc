#include "server/auth_jwt/assertion_verifier.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "server/auth_jwt/assertion_text.h"
#include "server/auth_jwt/token_text.h"

namespace reachback::server {
namespace {

using std::chrono::seconds;

// How far a client's clock may be ahead. Source: Microsoft identity platform: 5 minutes.
constexpr seconds kAhead{300};
constexpr std::size_t kSha1Bytes = 20;

Error refused(std::string why) {
  return Error{Errc::invalid_assertion, "Client assertion " + std::move(why)};
}
// One text for an unknown application, no certificate of that name, one that is not valid now,
// another algorithm and a bad signature. Source: AADSTS700027.
Error unsigned_by_the_application() {
  return refused("failed signature validation.");
}

Timestamp at_second(std::int64_t s) {
  return Timestamp(seconds(s));
}

// Base64 of either alphabet, padded or not: the base64url of RFC 7515 comes with padding from MSAL
// for Python.
std::string decode_thumbprint(std::string_view text) {
  if (text.size() > 64) {
    return {};
  }
  std::string plain(text);
  while (plain.ends_with('=')) {
    plain.pop_back();
  }
  std::replace(plain.begin(), plain.end(), '+', '-');
  std::replace(plain.begin(), plain.end(), '/', '_');
  return from_base64url(plain).value_or("");
}

// By the most exact name that the header has; the text is compared, and used for nothing else.
const AppCertificate* find_named(const AssertionHeader& header,
                                 const std::vector<AppCertificate>& certificates) {
  auto is_named = [&header](const AppCertificate& c) {
    const std::string_view sha256 = as_bytes(c.thumbprint);
    if (!header.x5t_s256.empty()) {
      return decode_thumbprint(header.x5t_s256) == sha256;
    }
    if (!header.x5t.empty()) {
      return decode_thumbprint(header.x5t) == c.sha1;
    }
    if (header.kid.empty()) {
      return false;
    }
    return equals_ignore_case(header.kid, to_hex(c.sha1)) ||
           equals_ignore_case(header.kid, to_hex(sha256)) ||
           decode_thumbprint(header.kid) == c.sha1 || decode_thumbprint(header.kid) == sha256;
  };
  auto found = std::find_if(certificates.begin(), certificates.end(), is_named);
  return found != certificates.end() && found->sha1.size() == kSha1Bytes ? &*found : nullptr;
}

bool is_token_url(std::string_view audience, const std::vector<std::string>& urls) {
  if (audience.ends_with('/')) {
    audience.remove_suffix(1);
  }
  return std::any_of(urls.begin(), urls.end(), [audience](const std::string& url) {
    return equals_ignore_case(url, audience);
  });
}

Result<void> check_claims(const AssertionClaims& claims, const AssertionTerms& terms,
                          Timestamp now) {
  if (!equals_ignore_case(claims.iss, terms.client_id) ||
      !equals_ignore_case(claims.sub, terms.client_id)) {
    return refused("names another application: 'iss' and 'sub' must be the 'client_id'.");
  }
  if (std::none_of(claims.aud.begin(), claims.aud.end(), [&terms](const std::string& audience) {
        return is_token_url(audience, terms.token_urls);
      })) {
    return refused("is for another audience: 'aud' must be this token address.");
  }
  if (now >= at_second(claims.exp)) {
    return refused("has expired.");
  }
  if (at_second(claims.exp) > now + terms.lifetime_max + kAhead) {
    return refused("is valid for too long: 'exp' is too far ahead.");
  }
  if (at_second(claims.nbf.value_or(0)) > now + kAhead) {
    return refused("is not valid yet: 'nbf' is ahead of the server's clock.");
  }
  return {};
}

// An odd number of 2048 bits that is nobody's key: no one is ever let in by it.
std::string nobodys_modulus() {
  std::string out;
  for (char i = '0'; i < '8'; ++i) {
    out += as_bytes(crypto::sha256(std::string("nobody's key ") + i));
  }
  out.front() = static_cast<char>(0xc0);
  out.back() = 1;
  return out;
}

}  // namespace

Result<std::unique_ptr<AssertionVerifier>> AssertionVerifier::create() {
  std::unique_ptr<AssertionVerifier> out(new AssertionVerifier());
  RB_TRY_ASSIGN(SigningKey ec, SigningKey::from_pem(generate_signing_key()));
  out->nobodys_.emplace(Algorithm::es256, ec.verification_key());
  for (Algorithm algorithm : {Algorithm::rs256, Algorithm::ps256}) {
    RB_TRY_ASSIGN(VerificationKey rsa,
                  VerificationKey::from_rsa(nobodys_modulus(), std::string_view("\x01\x00\x01", 3),
                                            algorithm));
    out->nobodys_.emplace(algorithm, rsa);
  }
  return out;
}

Result<VerifiedAssertion> AssertionVerifier::verify(std::string_view assertion,
                                                    const AssertionTerms& terms,
                                                    const std::vector<AppCertificate>& certificates,
                                                    Timestamp now) const {
  auto text = split_token(assertion, kAssertionBytesMax);
  auto header = text ? parse_assertion_header(text->header) : std::nullopt;
  auto claims = header ? parse_assertion_claims(text->payload) : std::nullopt;
  if (!claims) {
    return refused("is malformed, or not signed with RS256, PS256 or ES256.");
  }
  RB_TRY(check_claims(*claims, terms, now));
  const AppCertificate* named = find_named(*header, certificates);
  auto key = VerificationKey::from_spki(named != nullptr ? named->public_key : std::string(),
                                        header->algorithm);
  const VerificationKey& checked = key ? *key : nobodys_.at(header->algorithm);
  const bool good = checked.verify(text->signed_part, text->signature);
  if (!good || !key || now < named->not_before || now > named->not_after) {
    return unsigned_by_the_application();
  }
  VerifiedAssertion out;
  out.use = crypto::sha256(claims->jti.empty() ? "text " + std::string(text->signed_part)
                                               : "jti " + claims->jti);
  out.expires = at_second(claims->exp);
  out.certificate = named->thumbprint;
  return out;
}

}  // namespace reachback::server
