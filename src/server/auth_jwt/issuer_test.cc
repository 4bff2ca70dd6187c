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
  for (const char* name : {"appid", "azp", "sub", "oid"}) {
    EXPECT_EQ(claims[name], "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
  }
  EXPECT_EQ(claims["tid"], "11111111-2222-4333-8444-555555555555");
  EXPECT_EQ(claims["app_displayname"], "Triage \"bot\"");
  EXPECT_EQ(claims["roles"], (json::Array{"Machine.LiveResponse", "Library.Manage"}));
  EXPECT_EQ(claims["ver"], "2.0");
  EXPECT_EQ(claims["jti"].as_string().size(), 22u);
}

// The names of claims, and `iss`, `ver` and how the application proved who it is.
std::string shape(World& world, const TokenSpec& spec) {
  const std::string token = world.issuer.issue(spec, kNow).access_token;
  json::Object claims = json::parse(split_token(token)->payload)->get_object();
  EXPECT_EQ(world.verdict(token), "ok");
  std::set<std::string> names;
  for (const auto& member : claims) {
    names.insert(std::string(member.key()));
  }
  std::string out;
  for (const std::string& name : names) {
    out += name;
    for (const char* shown : {"appidacr", "azpacr", "iss", "ver", "idtyp", "upn", "unique_name",
                              "preferred_username", "scp"}) {
      out += name == shown ? "=" + std::string(claims[name].as_string()) : "";
    }
    out += ' ';
  }
  return out;
}

// Source: clients.md 7; Microsoft identity platform, "Access token claims reference".
TEST(Issuer, the_address_that_was_called_decides_on_the_shape) {
  World world;
  TokenSpec spec = world.spec();
  spec.proof = ClientProof::secret;
  const std::string of_tenant = "https://rb.example:8443/11111111-2222-4333-8444-555555555555";
  EXPECT_EQ(shape(world, spec),
            "app_displayname appid aud azp azpacr=1 exp iat iat_us idtyp=app iss=" + of_tenant +
                "/v2.0 jti nbf oid roles sub tid ver=2.0 ");
  spec.version = TokenVersion::v1;
  spec.proof = ClientProof::certificate;
  EXPECT_EQ(shape(world, spec),
            "app_displayname appid appidacr=2 aud exp iat iat_us idtyp=app iss=" + of_tenant +
                "/ jti nbf oid roles sub tid ver=1.0 ");
  spec.user = TokenSpec::User{*UserId::parse("cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
                              "ann@example.org",
                              {"Machine.Read", "Alert.Read"},
                              *GrantId::parse("dddddddd-bbbb-4ccc-8ddd-eeeeeeeeeeee")};
  spec.proof = ClientProof::none;
  EXPECT_EQ(shape(world, spec),
            "app_displayname appid appidacr=0 aud exp iat iat_us idtyp=user iss=" + of_tenant +
                "/ jti nbf oid scp=Machine.Read Alert.Read sid sub tid "
                "unique_name=ann@example.org upn=ann@example.org ver=1.0 ");
  spec.version = TokenVersion::v2;
  EXPECT_EQ(shape(world, spec),
            "app_displayname appid aud azp azpacr=0 exp iat iat_us idtyp=user iss=" + of_tenant +
                "/v2.0 jti nbf oid preferred_username=ann@example.org scp=Machine.Read Alert.Read "
                "sid sub tid ver=2.0 ");
}

TEST(Issuer, the_first_of_its_keys_signs_and_all_are_published) {
  World world;
  EXPECT_EQ(world.issuer.algorithms(), std::vector<std::string>{"ES256"});
  world.issuer.set_keys({own_rsa(), world.key});
  EXPECT_EQ(world.issuer.algorithms(), (std::vector<std::string>{"RS256", "ES256"}));
  auto keys = KeySet::parse(world.issuer.jwks());
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  EXPECT_EQ(keys->size(), 2u);
  std::string token = world.issue();
  auto text = split_token(token);
  auto header = parse_token_header(text->header);
  EXPECT_EQ(header->alg, "RS256");
  EXPECT_EQ(header->kid, own_rsa().kid());
  EXPECT_TRUE(keys->find(header->kid)->verify(text->signed_part, text->signature));
  EXPECT_EQ(world.verdict(token), "ok");
  world.issuer.set_keys({world.key});
  EXPECT_EQ(KeySet::parse(world.issuer.jwks())->size(), 1u);
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
