#include "server/auth_jwt/issuer.h"

#include <gtest/gtest.h>

#include <set>

#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

TEST(Issuer, a_token_says_what_clients_of_mde_look_for) {
  World world;
  TokenSpec spec = world.spec({"Machine.LiveResponse", "Library.Manage"}, "https://alias.example");
  spec.app_name = "Triage \"bot\"";
  IssuedToken issued = world.issuer.issue(spec, kNow);
  EXPECT_EQ(issued.expires_in_s, 3599);
  EXPECT_TRUE(issued.access_token.starts_with("eyJ"));  // Source: clients.md 7
  auto text = split_token(issued.access_token);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->header, R"({"alg":"ES256","typ":"at+jwt","kid":")" + world.key.kid() +
                              R"(","seal":")" + world.key.seal(text->payload_part) + R"("})");
  EXPECT_FALSE(world.partner_key.is_sealed(text->payload_part, world.key.seal(text->payload_part)));
  json::Object claims = json::parse(text->payload)->get_object();
  EXPECT_EQ(claims["aud"], "https://alias.example");
  EXPECT_EQ(claims["iss"], "https://rb.example:8443/11111111-2222-4333-8444-555555555555/v2.0");
  EXPECT_EQ(claims["iat"], 1'800'000'000);
  EXPECT_EQ(claims["nbf"], 1'800'000'000);
  EXPECT_EQ(claims["exp"], 1'800'003'599);
  for (const char* name : {"appid", "azp", "sub"}) {
    EXPECT_EQ(claims[name], "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
  }
  EXPECT_EQ(claims["tid"], "11111111-2222-4333-8444-555555555555");
  EXPECT_EQ(claims["app_displayname"], "Triage \"bot\"");
  EXPECT_EQ(claims["roles"], (json::Array{"Machine.LiveResponse", "Library.Manage"}));
  EXPECT_EQ(claims["ver"], "2.0");
  EXPECT_EQ(claims["jti"].as_string().size(), 22u);
}

TEST(Issuer, no_two_tokens_have_the_same_id) {
  World world;
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    ids.insert(world.verifier->verify(world.issue(), kNow)->token_id);
  }
  EXPECT_EQ(ids.size(), 100u);
}

TEST(Issuer, a_name_that_cannot_stand_in_a_token_is_left_out) {
  World world;
  for (const std::string& name : {std::string("\xff\xfe"), std::string(100'000, 'x')}) {
    TokenSpec spec = world.spec();
    spec.app_name = name;
    std::string token = world.issuer.issue(spec, kNow).access_token;
    EXPECT_EQ(world.verdict(token), "ok");
  }
}

TEST(Issuer, a_token_with_every_role_is_within_the_size_that_the_verifier_takes) {
  World world;
  std::string token = world.issue(kNow, all_roles());
  EXPECT_LT(token.size(), kTokenBytesMax / 2);
  EXPECT_EQ(world.verdict(token), "ok");
}

TEST(Issuer, the_published_key_set_verifies_our_tokens) {
  World world;
  SigningKey older = *SigningKey::from_pem(generate_signing_key());
  JwtIssuer issuer(world.key, World::kUrl, world.random, {older});
  auto keys = KeySet::parse(issuer.jwks());
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  EXPECT_EQ(keys->size(), 2u);
  ASSERT_NE(keys->find(world.key.kid()), nullptr);
  std::string token = world.issue();
  auto text = split_token(token);
  EXPECT_TRUE(keys->find(world.key.kid())->verify(text->signed_part, text->signature));
  EXPECT_FALSE(keys->find(older.kid())->verify(text->signed_part, text->signature));
}

}  // namespace
}  // namespace reachback::server
