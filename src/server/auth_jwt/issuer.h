// Makes our access tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "json/json.h"
#include "server/auth_jwt/keys.h"
#include "server/ports/tokens.h"

namespace reachback::server {

inline constexpr std::int64_t kTokenLifetime_s = 3599;  // Source: mde-spec.md §1.3

// The `iss` of our tokens: "<public url>/<tenant>/v2.0", for both token endpoints.
std::string own_issuer(std::string_view public_url, const TenantId& tenant);

// Thread-safe.
class JwtIssuer : public TokenIssuer {
 public:
  // `random` is borrowed. older_keys: still published by jwks(), no longer used to sign.
  JwtIssuer(SigningKey key, std::string_view public_url, Random& random,
            const std::vector<SigningKey>& older_keys = {});

  IssuedToken issue(const TokenSpec& spec, Timestamp now) override;
  std::string id_token(const IdTokenSpec& spec, Timestamp now) override;
  std::string jwks() const override { return jwks_; }
  std::vector<std::string> algorithms() const override { return {"ES256"}; }

 private:
  // header: up to what stands before the seal.
  std::string sealed_and_signed(std::string_view header, const json::Object& claims) const;

  SigningKey key_;
  std::string public_url_;
  Random& random_;
  std::string header_, id_header_;  // up to the seal; the same for every token
  std::string jwks_;
};

}  // namespace reachback::server
