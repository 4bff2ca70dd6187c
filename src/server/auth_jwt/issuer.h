// Makes our access tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "json/json.h"
#include "server/auth_jwt/keys.h"
#include "server/ports/tokens.h"

namespace reachback::server {

inline constexpr std::int64_t kTokenLifetime_s = 3599;  // Source: mde-spec.md §1.3

// The `iss` of our tokens: "<public url>/<tenant>/" of the v1 token address, with "v2.0" behind it
// of the other.
std::string own_issuer(std::string_view public_url, const TenantId& tenant,
                       TokenVersion version = TokenVersion::v2);

// Which claims a token has in which version: claims_of() in issuer.cc. `appid`, `oid`, `tid` and
// `roles` or `scp` stand in both. Source: clients.md 7; Microsoft identity platform, "Access token
// claims reference". Thread-safe.
class JwtIssuer : public TokenIssuer {
 public:
  // `random` is borrowed. older_keys: still published by jwks(), no longer used to sign.
  JwtIssuer(const SigningKey& key, std::string_view public_url, Random& random,
            const std::vector<SigningKey>& older_keys = {});

  // From the next token on the first one signs, and all are published. At least one.
  void set_keys(const std::vector<SigningKey>& keys);

  IssuedToken issue(const TokenSpec& spec, Timestamp now) override;
  std::string id_token(const IdTokenSpec& spec, Timestamp now) override;
  std::string jwks() const override { return keys()->jwks; }
  std::vector<std::string> algorithms() const override { return keys()->algorithms; }

 private:
  struct Keys {
    SigningKey key;  // the one that signs
    std::string jwks;
    std::vector<std::string> algorithms;
  };
  std::shared_ptr<const Keys> keys() const;
  std::string sealed_and_signed(std::string_view type, const json::Object& claims) const;

  std::string public_url_;
  Random& random_;
  mutable SharedMutex mutex_;
  std::shared_ptr<const Keys> keys_ RB_GUARDED_BY(mutex_);  // never null
};

}  // namespace reachback::server
