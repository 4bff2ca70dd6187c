#include "server/auth_jwt/issuer.h"

#include "base/bytes.h"
#include "json/json.h"

namespace reachback::server {

std::string own_issuer(std::string_view public_url, const TenantId& tenant) {
  if (public_url.ends_with('/')) {
    public_url.remove_suffix(1);
  }
  return std::string(public_url) + "/" + tenant.text() + "/v2.0";
}

JwtIssuer::JwtIssuer(SigningKey key, std::string_view public_url, Random& random,
                     const std::vector<SigningKey>& older_keys)
    : key_(std::move(key)), public_url_(public_url), random_(random) {
  header_ = R"({"alg":"ES256","typ":"at+jwt","kid":")" + key_.kid() + R"(","seal":")";
  jwks_ = R"({"keys":[)" + key_.jwk();
  for (const SigningKey& older : older_keys) {
    jwks_ += "," + older.jwk();
  }
  jwks_ += "]}";
}

IssuedToken JwtIssuer::issue(const TenantId& tenant, const AppId& app, std::string_view app_name,
                             const std::vector<std::string>& roles, std::string_view audience,
                             Timestamp now) {
  std::int64_t iat = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::string id = app.text();
  json::Object claims;
  claims["aud"] = std::string(audience);
  claims["iss"] = own_issuer(public_url_, tenant);
  claims["iat"] = iat;
  claims["nbf"] = iat;
  claims["exp"] = iat + kTokenLifetime_s;
  // `iat` counts whole seconds; revocation must tell tokens of one second apart.
  claims["iat_us"] = to_micros(now);
  claims["appid"] = id;
  claims["azp"] = id;
  // A name that would break the token or make it too long is left out: nothing depends on it.
  claims["app_displayname"] =
      app_name.size() <= 256 && is_valid_utf8(app_name) ? std::string(app_name) : std::string();
  claims["sub"] = id;
  claims["tid"] = tenant.text();
  claims["roles"] = json::Array(roles.begin(), roles.end());
  std::string token_id = to_base64url(random_.bytes(16));
  claims["jti"] = token_id;
  claims["ver"] = "2.0";
  const std::string payload = to_base64url(json::write(claims));
  std::string token = to_base64url(header_ + key_.seal(payload) + "\"}") + "." + payload;
  token += "." + to_base64url(key_.sign(token));
  return IssuedToken{std::move(token), kTokenLifetime_s, std::move(token_id)};
}

}  // namespace reachback::server
