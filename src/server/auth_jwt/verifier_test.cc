#include "server/auth_jwt/verifier.h"

#include <gtest/gtest.h>

#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Verifier, our_token_names_the_application) {
  World world;
  auto principal = world.verifier->verify(
      world.issue(kNow, {"Machine.LiveResponse", "Alert.Read.All", "No.Such"}), kNow);
  ASSERT_TRUE(principal.ok()) << principal.error().message;
  EXPECT_EQ(principal->tenant, world.tenant);
  EXPECT_EQ(principal->caller, world.app.text());
  EXPECT_EQ(principal->requestor, world.app.text());
  EXPECT_FALSE(principal->delegated);
  EXPECT_EQ(principal->permissions, kLiveResponse | bit(Permission::alert_read));
  EXPECT_EQ(principal->expires, kNow + seconds(3599));
  EXPECT_FALSE(principal->token_id.empty());
}

TEST(Verifier, a_users_token_has_the_permissions_of_its_scopes) {
  World world;
  auto principal =
      world.verifier->verify(world.user_token(world.user_header(), world.user_claims()), kNow);
  ASSERT_TRUE(principal.ok()) << principal.error().message;
  EXPECT_TRUE(principal->delegated);
  EXPECT_EQ(principal->tenant, world.tenant);
  EXPECT_EQ(principal->caller, std::string(World::kUsers) + "|user-17");
  EXPECT_EQ(principal->requestor, "ann@example.org");
  EXPECT_EQ(principal->permissions, kLiveResponse | bit(Permission::machine_read));
}

TEST(Verifier, the_name_of_a_user_is_the_first_that_is_there) {
  World world;
  json::Object claims = world.user_claims();
  claims["upn"] = "upn@example.org";
  claims["email"] = "mail@example.org";
  claims["unique_name"] = "unique";
  for (const char* name : {"preferred_username", "upn", "email", "unique_name", "sub"}) {
    auto principal = world.verifier->verify(world.user_token(world.user_header(), claims), kNow);
    ASSERT_TRUE(principal.ok());
    EXPECT_EQ(principal->requestor, claims[name].as_string());
    if (std::string_view(name) != "sub") {
      claims.erase(name);
    }
  }
}

TEST(Verifier, a_name_that_no_order_could_carry_is_refused) {
  World world;
  for (const auto& [name, verdict] :
       std::vector<std::pair<std::string, std::string>>{{std::string(512, 'a'), "ok"},
                                                        {"\u05d0\u05e0\u05d9", "ok"},
                                                        {std::string(513, 'a'), "unauthenticated"},
                                                        {std::string("a\0b", 3), "unauthenticated"},
                                                        {"a\nb", "unauthenticated"},
                                                        {"a\x1b[31m", "unauthenticated"},
                                                        {"a\x7f", "unauthenticated"}}) {
    json::Object user = world.user_claims();
    user["preferred_username"] = name;
    EXPECT_EQ(world.verdict(world.user_token(world.user_header(), user)), verdict) << name;
    json::Object app = world.user_claims();
    app.erase("scp");
    app["appid"] = name;
    EXPECT_EQ(world.verdict(world.user_token(world.user_header(), app)), verdict) << name;
    json::Object subject = world.user_claims();
    subject["sub"] = name;
    EXPECT_EQ(world.verdict(world.user_token(world.user_header(), subject)), verdict) << name;
  }
}

TEST(Verifier, an_external_application_has_the_permissions_of_its_roles) {
  World world;
  json::Object claims = world.user_claims();
  claims.erase("scp");
  claims["roles"] = json::Array{"Machine.LiveResponse"};
  claims["azp"] = "partner-app";
  auto principal = world.verifier->verify(world.user_token(world.user_header(), claims), kNow);
  ASSERT_TRUE(principal.ok());
  EXPECT_FALSE(principal->delegated);
  EXPECT_EQ(principal->requestor, "partner-app");
  EXPECT_EQ(principal->permissions, kLiveResponse);
}

TEST(Verifier, roles_do_not_count_beside_scopes) {
  World world;
  json::Object claims = world.user_claims();
  claims["scp"] = "Machine.Read";
  claims["roles"] = json::Array{"Machine.LiveResponse"};
  auto principal = world.verifier->verify(world.user_token(world.user_header(), claims), kNow);
  ASSERT_TRUE(principal.ok());
  EXPECT_TRUE(principal->delegated);
  EXPECT_EQ(principal->permissions, bit(Permission::machine_read));
}

TEST(Verifier, a_token_without_roles_and_scopes_has_no_permissions) {
  World world;
  json::Object claims = world.user_claims();
  claims.erase("scp");
  EXPECT_EQ(
      world.verifier->verify(world.user_token(world.user_header(), claims), kNow)->permissions, 0u);
  claims["scp"] = "";
  EXPECT_EQ(
      world.verifier->verify(world.user_token(world.user_header(), claims), kNow)->permissions, 0u);
  claims["scp"] = "machine.liveresponse Machine.LiveResponse.All Machine.Read.All";
  EXPECT_EQ(
      world.verifier->verify(world.user_token(world.user_header(), claims), kNow)->permissions, 0u);
}

TEST(Verifier, scopes_may_be_an_array) {
  World world;
  json::Object claims = world.user_claims();
  claims["scp"] = json::Array{"Machine.LiveResponse"};
  EXPECT_EQ(
      world.verifier->verify(world.user_token(world.user_header(), claims), kNow)->permissions,
      kLiveResponse);
}

TEST(Verifier, both_algorithms_and_all_types_of_external_tokens_are_taken) {
  World world;
  for (const char* typ : {"JWT", "jwt", "at+jwt", "application/at+jwt"}) {
    json::Object header = world.user_header();
    header["typ"] = typ;
    EXPECT_EQ(world.verdict(world.user_token(header, world.user_claims())), "ok") << typ;
  }
  json::Object claims = world.user_claims();
  claims["iss"] = World::kPartner;
  json::Object header = {{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", world.partner_key.kid()}};
  EXPECT_EQ(
      world.verdict(forge(json::write(header), json::write(claims), key_signer(world.partner_key))),
      "ok");
}

TEST(Verifier, a_good_token_for_another_audience_is_forbidden) {
  World world;
  EXPECT_EQ(world.verdict(world.issue(kNow, {}, "https://graph.microsoft.com")), "forbidden");
  json::Object claims = world.user_claims();
  claims["aud"] = "api://other";
  EXPECT_EQ(world.verdict(world.user_token(world.user_header(), claims)), "forbidden");
  // Our own names are not an external issuer's audiences unless its configuration says so.
  claims["aud"] = "https://api.security.microsoft.com";
  EXPECT_EQ(world.verdict(world.user_token(world.user_header(), claims)), "forbidden");
  claims["aud"] = json::Array{"api://other", "api://reachback"};
  EXPECT_EQ(world.verdict(world.user_token(world.user_header(), claims)), "ok");
  claims["exp"] = claims["iat"].as_int64() + 1;
  claims["aud"] = "api://other";
  EXPECT_EQ(world.verdict(world.user_token(world.user_header(), claims), kNow + seconds(2)),
            "unauthenticated");
}

TEST(Verifier, every_audience_that_we_hand_out_is_accepted) {
  World world;
  for (const char* scope :
       {"https://rb.example:8443/.default", "https://rb.example:8443//.default",
        "https://alias.example/.default", "https://api.securitycenter.microsoft.com/.default",
        "https://securitycenter.onmicrosoft.com/windowsatpservice/.default"}) {
    EXPECT_EQ(world.verdict(world.issue(kNow, {}, *world.audiences.of_scope(scope))), "ok")
        << scope;
  }
}

TEST(Verifier, a_token_lives_until_the_microsecond_of_its_expiry) {
  for (bool cached : {false, true}) {
    World world;
    std::string token = world.issue();
    Timestamp end = kNow + seconds(3599);
    if (cached) {
      EXPECT_EQ(world.verdict(token, end - seconds(10)), "ok");
    }
    EXPECT_EQ(world.verdict(token, end - microseconds(1)), "ok");
    EXPECT_EQ(world.verdict(token, end), "unauthenticated");
    EXPECT_EQ(world.verdict(token, end + hours(1)), "unauthenticated");
  }
}

TEST(Verifier, a_token_is_taken_up_to_sixty_seconds_before_its_time) {
  World world;
  std::string token = world.issue();
  EXPECT_EQ(world.verdict(token, kNow - seconds(61)), "unauthenticated");
  EXPECT_EQ(world.verdict(token, kNow - seconds(60)), "ok");
  EXPECT_EQ(world.verdict(token, kNow - seconds(61)), "unauthenticated");  // now it is cached
  json::Object claims = world.user_claims();
  claims["nbf"] = claims["iat"].as_int64() + 100;
  token = world.user_token(world.user_header(), claims);
  EXPECT_EQ(world.verdict(token, kNow + seconds(39)), "unauthenticated");
  EXPECT_EQ(world.verdict(token, kNow + seconds(40)), "ok");
}

TEST(Verifier, lifetimes_are_bounded) {
  World world;
  json::Object own = world.own_claims();
  own["exp"] = own["iat"].as_int64() + 3601;
  EXPECT_EQ(world.verdict(world.own_token(world.own_header(), own)), "unauthenticated");
  json::Object user = world.user_claims();
  user["exp"] = user["iat"].as_int64() + 24 * 3600;
  EXPECT_EQ(world.verdict(world.user_token(world.user_header(), user)), "ok");
  user["exp"] = user["iat"].as_int64() + 24 * 3600 + 1;
  EXPECT_EQ(world.verdict(world.user_token(world.user_header(), user)), "unauthenticated");
}

TEST(Verifier, revocation_ends_tokens_made_before_it_cached_or_not) {
  World world;
  std::string cached = world.issue(), fresh = world.issue();
  EXPECT_EQ(world.verdict(cached), "ok");
  world.verifier->revoke_app(world.app, kNow + microseconds(500));
  EXPECT_EQ(world.verdict(cached), "unauthenticated");
  EXPECT_EQ(world.verdict(fresh), "unauthenticated");
  // The new secret works within the same second.
  EXPECT_EQ(world.verdict(world.issue(kNow + microseconds(500))), "ok");
  EXPECT_EQ(world.verdict(world.issue(kNow + microseconds(501))), "ok");
}

TEST(Verifier, revocation_concerns_one_application_and_never_weakens) {
  World world;
  AppId other = *AppId::parse("00000000-0000-4000-8000-000000000001");
  std::string token = world.issue();
  world.verifier->revoke_app(other, kNow + seconds(1));
  EXPECT_EQ(world.verdict(token), "ok");
  world.verifier->revoke_app(world.app, kNow + seconds(10));
  world.verifier->revoke_app(world.app, kNow - seconds(10));  // the clock was set back
  EXPECT_EQ(world.verdict(token), "unauthenticated");
  // Old revocations are dropped only when the tokens have expired.
  world.verifier->revoke_app(other, kNow + minutes(59));
  EXPECT_EQ(world.verdict(token, kNow + minutes(59)), "unauthenticated");
}

TEST(Verifier, tokens_of_both_addresses_and_both_algorithms_are_ours) {
  World world;
  for (TokenVersion version : {TokenVersion::v1, TokenVersion::v2}) {
    TokenSpec spec = world.spec();
    spec.version = version;
    auto app = world.verifier->verify(world.issuer.issue(spec, kNow).access_token, kNow);
    ASSERT_TRUE(app.ok()) << app.error().message;
    EXPECT_EQ(app->permissions, kLiveResponse);
    spec.user = TokenSpec::User{*UserId::parse("cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
                                "ann@example.org",
                                {"Machine.Read"},
                                *GrantId::parse("dddddddd-bbbb-4ccc-8ddd-eeeeeeeeeeee")};
    for (const SigningKey& key : {world.key, own_rsa()}) {
      world.issuer.set_keys({key});
      auto user = world.verifier->verify(world.issuer.issue(spec, kNow).access_token, kNow);
      ASSERT_TRUE(user.ok()) << user.error().message;
      EXPECT_TRUE(user->delegated);
      EXPECT_EQ(user->requestor, "ann@example.org");
      EXPECT_EQ(user->permissions, bit(Permission::machine_read));
      EXPECT_EQ(user->user->user, spec.user->id);
      EXPECT_EQ(user->user->grant, spec.user->grant);
    }
  }
}

TEST(Verifier, an_id_token_is_no_access_token) {
  World world;
  IdTokenSpec spec;
  spec.tenant = world.tenant;
  spec.app = world.app;
  spec.user = *UserId::parse("cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee");
  spec.user_name = "ann@example.org";
  for (TokenVersion version : {TokenVersion::v1, TokenVersion::v2}) {
    spec.version = version;
    EXPECT_EQ(world.verdict(world.issuer.id_token(spec, kNow)), "unauthenticated");
  }
}

TEST(Verifier, keys_of_ours_come_and_go_at_once_cached_verdicts_too) {
  World world;
  SigningKey next = *SigningKey::from_pem(generate_signing_key());
  std::string of_first = world.issue(), cached = world.issue();
  EXPECT_EQ(world.verdict(cached), "ok");
  world.verifier->set_own_keys({next, world.key});
  world.issuer.set_keys({next, world.key});
  std::string of_next = world.issue();
  for (const std::string& token : {of_first, cached, of_next}) {
    EXPECT_EQ(world.verdict(token), "ok");
  }
  world.verifier->set_own_keys({next});
  for (const std::string& token : {of_first, cached}) {
    EXPECT_EQ(world.verdict(token), "unauthenticated");
  }
  EXPECT_EQ(world.verdict(of_next), "ok");
  // Nothing that a retired key could make is believed, its seal neither.
  EXPECT_EQ(world.verdict(world.own_token(world.own_header(), world.own_claims())),
            "unauthenticated");
}

TEST(Verifier, an_unknown_key_is_told_of_an_external_issuer_and_of_nobody_else) {
  std::vector<std::string> told;
  World world;
  VerifierOptions options;
  options.public_url = World::kUrl;
  options.own_keys = {world.key};
  options.external = {{World::kUsers, world.tenant, {"api://reachback"}}};
  options.on_unknown_key = [&told](const std::string& issuer) { told.push_back(issuer); };
  auto verifier = std::move(JwtVerifier::create(options, world.audiences)).value();
  std::string token = world.user_token(world.user_header(), world.user_claims());
  EXPECT_FALSE(verifier->verify(token, kNow).ok());
  EXPECT_EQ(told, std::vector<std::string>{World::kUsers});  // it has no keys at all yet
  ASSERT_TRUE(
      verifier->set_jwks(World::kUsers, R"({"keys":[)" + rsa_2048().jwk("users-1") + "]}").ok());
  EXPECT_TRUE(verifier->verify(token, kNow).ok());
  EXPECT_TRUE(verifier->verify(token, kNow).ok());
  std::string spoiled = token;
  spoiled.back() = spoiled.back() == 'A' ? 'Q' : 'A';
  EXPECT_FALSE(verifier->verify(spoiled, kNow).ok());
  json::Object claims = world.user_claims(), header = world.user_header();
  claims["iss"] = "https://nobody.example";
  EXPECT_FALSE(verifier->verify(world.user_token(header, claims), kNow).ok());
  json::Object own = world.own_header();
  own["kid"] = "gone";
  EXPECT_FALSE(verifier->verify(world.own_token(own, world.own_claims()), kNow).ok());
  EXPECT_EQ(told.size(), 1u);
  header["kid"] = "users-2";
  EXPECT_FALSE(verifier->verify(world.user_token(header, world.user_claims()), kNow).ok());
  EXPECT_EQ(told, (std::vector<std::string>{World::kUsers, World::kUsers}));
}

TEST(Verifier, new_keys_replace_the_old_at_once_cached_verdicts_too) {
  World world;
  std::string token = world.user_token(world.user_header(), world.user_claims());
  EXPECT_EQ(world.verdict(token), "ok");
  RsaKey next(2048);
  ASSERT_TRUE(
      world.verifier->set_jwks(World::kUsers, R"({"keys":[)" + next.jwk("users-2") + "]}").ok());
  EXPECT_EQ(world.verdict(token), "unauthenticated");
  json::Object header = world.user_header();
  header["kid"] = "users-2";
  EXPECT_EQ(
      world.verdict(forge(json::write(header), json::write(world.user_claims()), next.signer())),
      "ok");
}

TEST(Verifier, a_broken_key_set_leaves_the_last_good_one) {
  World world;
  std::string token = world.user_token(world.user_header(), world.user_claims());
  for (const char* text : {"", "{}", R"({"keys":[]})", "<html>", R"({"keys":[{"kty":"RSA"}]})"}) {
    auto result = world.verifier->set_jwks(World::kUsers, text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_input);
    EXPECT_EQ(world.verdict(token), "ok");
  }
  EXPECT_EQ(world.verifier->set_jwks("https://nobody.example", "{}").error().code, Errc::not_found);
}

TEST(Verifier, an_issuer_without_keys_trusts_nothing) {
  AudienceList audiences(World::kUrl, {});
  VerifierOptions options;
  options.public_url = World::kUrl;
  options.external = {{World::kUsers, TenantId(), {"api://reachback"}}};
  auto verifier = JwtVerifier::create(options, audiences);
  ASSERT_TRUE(verifier.ok());
  World world;
  std::string users = world.user_token(world.user_header(), world.user_claims());
  EXPECT_EQ((*verifier)->verify(users, kNow).error().code, Errc::unauthenticated);
  EXPECT_EQ((*verifier)->verify(world.issue(), kNow).error().code, Errc::unauthenticated);
}

TEST(Verifier, configurations_that_confuse_issuers_are_refused) {
  AudienceList audiences(World::kUrl, {});
  const std::vector<ExternalIssuer> cases[] = {
      {{"", TenantId(), {"a"}}},
      {{"https://x.example", TenantId(), {}}},
      {{"https://x.example", TenantId(), {"a"}}, {"https://x.example", TenantId(), {"b"}}},
      {{"https://rb.example:8443", TenantId(), {"a"}}},
      {{"https://rb.example:8443/11111111-2222-4333-8444-555555555555/v2.0", TenantId(), {"a"}}},
  };
  for (const auto& external : cases) {
    VerifierOptions options;
    options.public_url = "https://rb.example:8443/";
    options.external = external;
    auto verifier = JwtVerifier::create(options, audiences);
    ASSERT_FALSE(verifier.ok());
    EXPECT_EQ(verifier.error().code, Errc::invalid_input);
  }
}

TEST(Verifier, messages_do_not_tell_a_wrong_key_from_a_wrong_issuer) {
  World world;
  json::Object claims = world.user_claims();
  auto message = [&world](std::string_view token) {
    return world.verifier->verify(token, kNow).error().message;
  };
  json::Object unknown_kid = world.user_header();
  unknown_kid["kid"] = "users-9";
  std::string bad_kid = message(world.user_token(unknown_kid, claims));
  std::string bad_signature =
      message(forge(json::write(world.user_header()), json::write(claims),
                    [](std::string_view) { return std::string(256, 'x'); }));
  claims["iss"] = "https://nobody.example";
  std::string bad_issuer = message(world.user_token(world.user_header(), claims));
  EXPECT_EQ(bad_kid, bad_signature);
  EXPECT_EQ(bad_kid, bad_issuer);
  EXPECT_EQ(bad_kid.find("users"), std::string::npos);
}

}  // namespace
}  // namespace reachback::server
