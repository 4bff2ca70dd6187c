// For the tests of this folder: a verifier that knows our key and two external issuers, and the
// parts of good tokens to be spoiled.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "json/json.h"
#include "server/auth_jwt/issuer.h"
#include "server/auth_jwt/token_forge.h"
#include "server/auth_jwt/verifier.h"

namespace reachback::server {

inline const Timestamp kNow = Timestamp(std::chrono::seconds(1'800'000'000));

// An RSA key of ours; slow to make, so tests share it.
inline const SigningKey& own_rsa() {
  static const SigningKey key = *SigningKey::from_pem(generate_signing_key(Algorithm::rs256));
  return key;
}

// What Machine.LiveResponse stands for.
inline const Permissions kLiveResponse = permission_of_role("Machine.LiveResponse");

struct World {
  static constexpr const char* kUrl = "https://rb.example:8443";
  static constexpr const char* kUsers = "https://login.example/users";     // RS256
  static constexpr const char* kPartner = "https://partner.example/oidc";  // ES256

  TenantId tenant = *TenantId::parse("11111111-2222-4333-8444-555555555555");
  AppId app = *AppId::parse("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
  SigningKey key = *SigningKey::from_pem(generate_signing_key());
  SigningKey partner_key = *SigningKey::from_pem(generate_signing_key());
  CountingRandom random;
  AudienceList audiences{kUrl, {"https://alias.example"}};
  JwtIssuer issuer{key, kUrl, random};
  std::unique_ptr<JwtVerifier> verifier;

  explicit World(std::size_t verdicts_max = 10'000) {
    VerifierOptions options;
    options.public_url = kUrl;
    options.own_keys = {key, own_rsa()};
    options.verdicts_max = verdicts_max;
    options.external = {{kUsers, tenant, {"api://reachback", "https://rb.example:8443"}},
                        {kPartner, tenant, {"api://reachback"}}};
    verifier = std::move(JwtVerifier::create(options, audiences)).value();
    EXPECT_TRUE(verifier->set_jwks(kUsers, R"({"keys":[)" + rsa_2048().jwk("users-1") + "]}").ok());
    EXPECT_TRUE(verifier->set_jwks(kPartner, R"({"keys":[)" + partner_key.jwk() + "]}").ok());
  }

  std::string issue(Timestamp now = kNow,
                    const std::vector<std::string>& roles = {"Machine.LiveResponse"},
                    std::string_view audience = kUrl) {
    return issuer.issue(spec(roles, audience), now).access_token;
  }
  TokenSpec spec(const std::vector<std::string>& roles = {"Machine.LiveResponse"},
                 std::string_view audience = kUrl) const {
    TokenSpec out;
    out.tenant = tenant;
    out.app = app;
    out.app_name = "Triage";
    out.audience = audience;
    out.roles = roles;
    return out;
  }

  // The parts of good tokens.
  json::Object own_header() const {
    return {{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", key.kid()}};
  }
  // Of own_rsa().
  json::Object rsa_header() const {
    return {{"alg", "RS256"}, {"typ", "at+jwt"}, {"kid", own_rsa().kid()}};
  }
  json::Object own_claims() const {
    std::int64_t iat = to_micros(kNow) / 1'000'000;
    return {{"aud", kUrl},
            {"iss", own_issuer(kUrl, tenant)},
            {"iat", iat},
            {"nbf", iat},
            {"exp", iat + 3599},
            {"iat_us", iat * 1'000'000},
            {"appid", app.text()},
            {"azp", app.text()},
            {"sub", app.text()},
            {"tid", tenant.text()},
            {"roles", json::Array{"Machine.LiveResponse"}},
            {"jti", "AAAAAAAAAAAAAAAAAAAAAA"},
            {"ver", "2.0"}};
  }
  // Of a user of ours, in the shape of either address.
  json::Object own_user_claims(TokenVersion version) const {
    json::Object out = own_claims();
    out.erase("roles");
    out["sub"] = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    out["oid"] = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    out["sid"] = "dddddddd-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    out["scp"] = "Machine.Read";
    if (version == TokenVersion::v1) {
      out["iss"] = own_issuer(kUrl, tenant, version);
      out["ver"] = "1.0";
    }
    out[version == TokenVersion::v1 ? "upn" : "preferred_username"] = "ann@example.org";
    return out;
  }
  json::Object user_header() const {
    return {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "users-1"}};
  }
  json::Object user_claims() const {
    std::int64_t iat = to_micros(kNow) / 1'000'000;
    return {{"aud", "api://reachback"},
            {"iss", kUsers},
            {"iat", iat},
            {"exp", iat + 3600},
            {"sub", "user-17"},
            {"preferred_username", "ann@example.org"},
            {"scp", "Machine.LiveResponse Machine.Read openid"}};
  }
  // With our key's seal, so that what is wrong beside it is what is found.
  json::Object sealed(json::Object header, std::string_view payload) const {
    return sealed(std::move(header), payload, key);
  }
  json::Object sealed(json::Object header, std::string_view payload, const SigningKey& by) const {
    if (!header.contains("seal")) {
      header["seal"] = by.seal(to_base64url(payload));
    }
    return header;
  }
  std::string own_token(const json::Object& header, const json::Object& claims) const {
    return own_token(header, claims, key);
  }
  std::string own_token(const json::Object& header, const json::Object& claims,
                        const SigningKey& by) const {
    const std::string payload = json::write(claims);
    return forge(json::write(sealed(header, payload, by)), payload, key_signer(by));
  }
  std::string user_token(const json::Object& header, const json::Object& claims) const {
    return forge(json::write(header), json::write(claims), rsa_2048().signer());
  }

  // "ok" or the error's code.
  std::string verdict(std::string_view token, Timestamp now = kNow) {
    auto result = verifier->verify(token, now);
    return result.ok() ? "ok" : std::string(to_string(result.error().code));
  }
};

}  // namespace reachback::server
