#include "server/auth_jwt/issuer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace reachback::server {
namespace {

std::int64_t seconds_of(Timestamp t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

// A name that would break the token or make it too long is left out: nothing depends on it.
std::string shown(std::string_view name) {
  return name.size() <= 256 && is_valid_utf8(name) ? std::string(name) : std::string();
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

// What every token of ours says.
json::Object claims_of(std::string_view public_url, const TenantId& tenant, TokenVersion version,
                       std::string_view audience, Timestamp now) {
  json::Object claims;
  claims["aud"] = std::string(audience);
  claims["iss"] = own_issuer(public_url, tenant, version);
  claims["iat"] = seconds_of(now);
  claims["nbf"] = seconds_of(now);
  claims["exp"] = seconds_of(now) + kTokenLifetime_s;
  claims["tid"] = tenant.text();
  claims["ver"] = version == TokenVersion::v1 ? "1.0" : "2.0";
  return claims;
}

void name_app(json::Object& claims, const TokenSpec& spec) {
  const std::string proof = std::to_string(static_cast<int>(spec.proof));
  claims["appid"] = spec.app.text();
  if (spec.version == TokenVersion::v1) {
    claims["appidacr"] = proof;
  } else {
    claims["azp"] = spec.app.text();
    claims["azpacr"] = proof;
  }
  claims["app_displayname"] = shown(spec.app_name);
}

void name_user(json::Object& claims, TokenVersion version, const UserId& id,
               const std::string& name) {
  claims["sub"] = id.text();
  claims["oid"] = id.text();
  if (version == TokenVersion::v1) {
    claims["upn"] = name;
    claims["unique_name"] = name;
  } else {
    claims["preferred_username"] = name;
  }
}

}  // namespace

std::string own_issuer(std::string_view public_url, const TenantId& tenant, TokenVersion version) {
  if (public_url.ends_with('/')) {
    public_url.remove_suffix(1);
  }
  return std::string(public_url) + "/" + tenant.text() +
         (version == TokenVersion::v1 ? "/" : "/v2.0");
}

JwtIssuer::JwtIssuer(const SigningKey& key, std::string_view public_url, Random& random,
                     const std::vector<SigningKey>& older_keys)
    : public_url_(public_url), random_(random) {
  std::vector<SigningKey> all{key};
  all.insert(all.end(), older_keys.begin(), older_keys.end());
  set_keys(all);
}

void JwtIssuer::set_keys(const std::vector<SigningKey>& keys) {
  auto next = std::make_shared<Keys>(Keys{keys.at(0), R"({"keys":[)", {}});
  for (const SigningKey& key : keys) {
    next->jwks += (&key == &keys.front() ? "" : ",") + key.jwk();
    std::string name(to_string(key.algorithm()));
    if (std::find(next->algorithms.begin(), next->algorithms.end(), name) ==
        next->algorithms.end()) {
      next->algorithms.push_back(std::move(name));
    }
  }
  next->jwks += "]}";
  WriteLock lock(mutex_);
  keys_ = std::move(next);
}

std::shared_ptr<const JwtIssuer::Keys> JwtIssuer::keys() const {
  ReadLock lock(mutex_);
  return keys_;
}

std::string JwtIssuer::sealed_and_signed(std::string_view type, const json::Object& claims) const {
  const std::shared_ptr<const Keys> now = keys();
  const SigningKey& key = now->key;
  const std::string payload = to_base64url(json::write(claims));
  const std::string header =
      fmt::format(R"({{"alg":"{}","typ":"{}","kid":"{}","seal":"{}"}})", to_string(key.algorithm()),
                  type, key.kid(), key.seal(payload));
  std::string token = to_base64url(header) + "." + payload;
  token += "." + to_base64url(key.sign(token));
  return token;
}

IssuedToken JwtIssuer::issue(const TokenSpec& spec, Timestamp now) {
  json::Object claims = claims_of(public_url_, spec.tenant, spec.version, spec.audience, now);
  // `iat` counts whole seconds; revocation must tell tokens of one second apart.
  claims["iat_us"] = to_micros(now);
  name_app(claims, spec);
  if (spec.user) {
    name_user(claims, spec.version, spec.user->id, spec.user->name);
    claims["sid"] = spec.user->grant.text();
    claims["scp"] = joined(spec.user->scopes);
    claims["idtyp"] = "user";
  } else {
    claims["sub"] = spec.app.text();
    claims["oid"] = spec.app.text();
    claims["roles"] = json::Array(spec.roles.begin(), spec.roles.end());
    claims["idtyp"] = "app";
  }
  std::string token_id = to_base64url(random_.bytes(16));
  claims["jti"] = token_id;
  return IssuedToken{sealed_and_signed("at+jwt", claims), kTokenLifetime_s, std::move(token_id)};
}

std::string JwtIssuer::id_token(const IdTokenSpec& spec, Timestamp now) {
  json::Object claims = claims_of(public_url_, spec.tenant, spec.version, spec.app.text(), now);
  name_user(claims, spec.version, spec.user, spec.user_name);
  claims["auth_time"] = seconds_of(spec.signed_in);
  claims["name"] = spec.user_name;
  if (!spec.nonce.empty()) {
    claims["nonce"] = spec.nonce;
  }
  return sealed_and_signed("JWT", claims);
}

}  // namespace reachback::server
