#include "server/auth_jwt/issuer.h"

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
json::Object claims_of(std::string_view public_url, const TenantId& tenant,
                       std::string_view audience, Timestamp now) {
  json::Object claims;
  claims["aud"] = std::string(audience);
  claims["iss"] = own_issuer(public_url, tenant);
  claims["iat"] = seconds_of(now);
  claims["nbf"] = seconds_of(now);
  claims["tid"] = tenant.text();
  return claims;
}

}  // namespace

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
  id_header_ = R"({"alg":"ES256","typ":"JWT","kid":")" + key_.kid() + R"(","seal":")";
  jwks_ = R"({"keys":[)" + key_.jwk();
  for (const SigningKey& older : older_keys) {
    jwks_ += "," + older.jwk();
  }
  jwks_ += "]}";
}

std::string JwtIssuer::sealed_and_signed(std::string_view header,
                                         const json::Object& claims) const {
  const std::string payload = to_base64url(json::write(claims));
  std::string token =
      to_base64url(std::string(header) + key_.seal(payload) + "\"}") + "." + payload;
  token += "." + to_base64url(key_.sign(token));
  return token;
}

IssuedToken JwtIssuer::issue(const TokenSpec& spec, Timestamp now) {
  json::Object claims = claims_of(public_url_, spec.tenant, spec.audience, now);
  claims["exp"] = seconds_of(now) + kTokenLifetime_s;
  // `iat` counts whole seconds; revocation must tell tokens of one second apart.
  claims["iat_us"] = to_micros(now);
  claims["appid"] = spec.app.text();
  claims["azp"] = spec.app.text();
  claims["app_displayname"] = shown(spec.app_name);
  if (spec.user) {
    claims["sub"] = spec.user->id.text();
    claims["oid"] = spec.user->id.text();
    claims["upn"] = spec.user->name;
    claims["preferred_username"] = spec.user->name;
    claims["sid"] = spec.user->grant.text();
    claims["scp"] = joined(spec.user->scopes);
    claims["idtyp"] = "user";
  } else {
    claims["sub"] = spec.app.text();
    claims["roles"] = json::Array(spec.roles.begin(), spec.roles.end());
    claims["idtyp"] = "app";
  }
  std::string token_id = to_base64url(random_.bytes(16));
  claims["jti"] = token_id;
  claims["ver"] = "2.0";
  return IssuedToken{sealed_and_signed(header_, claims), kTokenLifetime_s, std::move(token_id)};
}

std::string JwtIssuer::id_token(const IdTokenSpec& spec, Timestamp now) {
  json::Object claims = claims_of(public_url_, spec.tenant, spec.app.text(), now);
  claims["exp"] = seconds_of(now) + kTokenLifetime_s;
  claims["auth_time"] = seconds_of(spec.signed_in);
  claims["sub"] = spec.user.text();
  claims["oid"] = spec.user.text();
  claims["preferred_username"] = spec.user_name;
  claims["name"] = spec.user_name;
  if (!spec.nonce.empty()) {
    claims["nonce"] = spec.nonce;
  }
  claims["ver"] = "2.0";
  return sealed_and_signed(id_header_, claims);
}

}  // namespace reachback::server
