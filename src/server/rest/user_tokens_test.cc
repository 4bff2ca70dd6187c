// Tokens that act for a user. Case numbers are those of trust.md §5.1.
#include <gtest/gtest.h>

#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::kPassword;
using test::UserWorld;

TEST(UserTokens, ACodeBecomesTokens) {
  UserWorld world;
  auto reply = world.token(world.redeeming(world.code(world.ask())));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(UserWorld::member(reply, "access_token"),
            "token of ann@corp.example: Machine.Read Machine.LiveResponse @ "
            "https://api.securitycenter.microsoft.com");
  EXPECT_EQ(UserWorld::member(reply, "id_token"), "id of ann@corp.example nonce n1");
  EXPECT_EQ(UserWorld::member(reply, "scope"),
            "https://api.securitycenter.microsoft.com/Machine.Read "
            "https://api.securitycenter.microsoft.com/Machine.LiveResponse "
            "https://api.securitycenter.microsoft.com/.default openid profile offline_access");
  EXPECT_EQ(*from_base64url(UserWorld::member(reply, "client_info")),
            R"({"uid":")" + world.ann.id.text() + R"(","utid":")" + test::kTenant.text() + "\"}");
  EXPECT_TRUE(UserWorld::member(reply, "refresh_token").starts_with("rbrt_"));
  EXPECT_EQ(reply.header("Cache-Control"), "no-store");
  ASSERT_FALSE(world.audit.records.empty());
  EXPECT_EQ(world.audit.records.back().kind, "sign_in");
  EXPECT_EQ(world.audit.records.back().principal, "ann@corp.example");
}

TEST(UserTokens, OnlyWhatWasAskedForIsThere) {
  UserWorld world;
  auto reply = world.token(world.redeeming(world.code(UserWorld::with(
      world.ask(), "scope", "https://api.securitycenter.microsoft.com/Machine.Read"))));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(UserWorld::member(reply, "access_token"),
            "token of ann@corp.example: Machine.Read @ https://api.securitycenter.microsoft.com");
  EXPECT_EQ(UserWorld::member(reply, "refresh_token"), "");
  EXPECT_EQ(UserWorld::member(reply, "id_token"), "");
}

// MSAL looks for a token under the scope that it asked for.
TEST(UserTokens, TheScopeIsNamedAsItWasAskedForWithTheSlashOfTheAddress) {
  UserWorld world;
  auto reply = world.token(world.redeeming(world.code(UserWorld::with(
      world.ask(), "scope", "https://api.securitycenter.microsoft.com//Machine.Read"))));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(UserWorld::member(reply, "access_token"),
            "token of ann@corp.example: Machine.Read @ https://api.securitycenter.microsoft.com/");
  EXPECT_EQ(UserWorld::member(reply, "scope"),
            "https://api.securitycenter.microsoft.com//Machine.Read "
            "https://api.securitycenter.microsoft.com//.default");
}

TEST(UserTokens, ACodeThatComesAgainEndsAllThatCameFromIt) {
  UserWorld world;
  const std::string code = world.code(world.ask());
  auto first = world.token(world.redeeming(code));
  ASSERT_EQ(first.status, 200);
  const std::string refresh = UserWorld::member(first, "refresh_token");
  EXPECT_TRUE(world.counts(refresh));
  auto again = world.token(world.redeeming(code));
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(again.oauth(), "invalid_grant");
  EXPECT_FALSE(world.counts(refresh));
  EXPECT_EQ(world.token(world.refreshing(refresh)).oauth(), "invalid_grant");
}

TEST(UserTokens, ACodeThatComesAgainWhileTheStoreIsAwayEndsItAllTheSame) {
  UserWorld world;
  const std::string code = world.code(world.ask());
  const std::string refresh =
      UserWorld::member(world.token(world.redeeming(code)), "refresh_token");
  world.stores.users().faults().fail_next(Error{Errc::unavailable, "down"});
  EXPECT_EQ(world.token(world.redeeming(code)).status, 503);
  EXPECT_FALSE(world.counts(refresh)) << "its access tokens, at once";
  EXPECT_EQ(world.token(world.redeeming(code)).status, 400);
  EXPECT_EQ(world.token(world.refreshing(refresh)).oauth(), "invalid_grant");
}

TEST(UserTokens, ACodeIsOfOneClientOneAddressOneVerifierAndTwoMinutes) {
  UserWorld world;
  const std::string other = "000000000000000000000000000000000000000000000";
  for (const auto& [name, value] : Pairs{{"code_verifier", other},
                                         {"code_verifier", "short"},
                                         {"redirect_uri", "http://localhost"},
                                         {"code", other}}) {
    auto reply =
        world.token(UserWorld::with(world.redeeming(world.code(world.ask())), name, value));
    EXPECT_EQ(reply.status, 400) << name;
    EXPECT_EQ(reply.oauth(), "invalid_grant") << name;
  }
  Pairs stolen = UserWorld::with(world.redeeming(world.code(world.ask())), "client_id",
                                 world.confidential.id.text());
  stolen.emplace_back("client_secret", test::kSecret);
  EXPECT_EQ(world.token(stolen).oauth(), "invalid_grant");
  const std::string code = world.code(world.ask());  // half a minute old already
  world.clock.advance(seconds(90));
  EXPECT_EQ(world.token(world.redeeming(code)).oauth(), "invalid_grant");
}

TEST(UserTokens, AWrongVerifierSpendsTheCode) {
  UserWorld world;
  const std::string code = world.code(world.ask());
  world.token(UserWorld::with(world.redeeming(code), "code_verifier", "wrong"));
  EXPECT_EQ(world.token(world.redeeming(code)).oauth(), "invalid_grant");
}

TEST(UserTokens, ParametersThatAreMissingAreNamed) {
  UserWorld world;
  for (const char* name : {"code", "code_verifier", "redirect_uri", "client_id"}) {  // 19
    auto reply = world.token(UserWorld::with(world.redeeming("x"), name, ""));
    EXPECT_EQ(reply.status, 400) << name;
    EXPECT_EQ(reply.oauth(), "invalid_request") << name;
    EXPECT_NE(reply.body.find(name), std::string::npos);
  }
  EXPECT_EQ(world.token(UserWorld::with(world.refreshing("x"), "refresh_token", "")).oauth(),
            "invalid_request");
}

TEST(UserTokens, AClientWithASecretHasToShowIt) {
  UserWorld world;
  Pairs ask = UserWorld::with(world.ask(), "client_id", world.confidential.id.text());
  Pairs form =
      UserWorld::with(world.redeeming(world.code(ask)), "client_id", world.confidential.id.text());
  EXPECT_EQ(world.token(form).status, 401);
  form.emplace_back("client_secret", "wrong");
  EXPECT_EQ(world.token(form).oauth(), "invalid_client");
  EXPECT_EQ(world.token(UserWorld::with(form, "client_secret", test::kSecret)).status, 200);
  Pairs open = world.redeeming(world.code(world.ask()));
  open.emplace_back("client_secret", test::kSecret);
  EXPECT_EQ(world.token(open).oauth(), "invalid_client") << "a public client has none";
}

TEST(UserTokens, ARefreshTokenCountsOnceAndAnOldOneEndsItAll) {  // 18
  UserWorld world;
  auto first = world.token(world.redeeming(world.code(world.ask())));
  const std::string one = UserWorld::member(first, "refresh_token");
  auto second = world.token(world.refreshing(one));
  ASSERT_EQ(second.status, 200) << second.body;
  const std::string two = UserWorld::member(second, "refresh_token");
  EXPECT_NE(one, two);
  EXPECT_EQ(UserWorld::member(second, "access_token"), UserWorld::member(first, "access_token"));
  EXPECT_TRUE(world.counts(two));
  auto replayed = world.token(world.refreshing(one));
  EXPECT_EQ(replayed.status, 400);
  EXPECT_EQ(replayed.oauth(), "invalid_grant");
  EXPECT_FALSE(world.counts(two)) << "the access tokens, too";
  EXPECT_EQ(world.token(world.refreshing(two)).oauth(), "invalid_grant");
}

TEST(UserTokens, ARefreshTokenOfAnotherClientOrOfNobodyChangesNothing) {
  UserWorld world;
  const std::string token =
      UserWorld::member(world.token(world.redeeming(world.code(world.ask()))), "refresh_token");
  Pairs stolen =
      UserWorld::with(world.refreshing(token), "client_id", world.confidential.id.text());
  stolen.emplace_back("client_secret", test::kSecret);
  EXPECT_EQ(world.token(stolen).oauth(), "invalid_grant");
  for (const std::string& bad : {std::string("x"), std::string("rbrt_"),
                                 "rbrt_" + std::string(64, 'A'), std::string(5000, 'r')}) {
    EXPECT_EQ(world.token(world.refreshing(bad)).oauth(), "invalid_grant");
  }
  EXPECT_EQ(world.token(world.refreshing(token)).status, 200);
}

TEST(UserTokens, ARefreshTokenIsOverWhenItIsNotUsedAndAfterNinetyDays) {
  UserWorld world;
  std::string token =
      UserWorld::member(world.token(world.redeeming(world.code(world.ask()))), "refresh_token");
  for (int day = 0; day < 78; day += 13) {
    world.clock.advance(hours(24 * 13));
    token = UserWorld::member(world.token(world.refreshing(token)), "refresh_token");
    ASSERT_NE(token, "") << day;
  }
  world.clock.advance(hours(24 * 12 + 1));
  EXPECT_EQ(world.token(world.refreshing(token)).oauth(), "invalid_grant") << "90 days";
  std::string idle =
      UserWorld::member(world.token(world.redeeming(world.code(world.ask()))), "refresh_token");
  world.clock.advance(hours(24 * 14));
  EXPECT_EQ(world.token(world.refreshing(idle)).oauth(), "invalid_grant");
}

TEST(UserTokens, WhatAnAdministratorTakesAwayIsGone) {
  UserWorld world;
  auto change = [&](UserChange c) {
    world.user_rights.set(*testing::wait_for<User>(
        [&](auto d) { world.stores.users().change_user(test::kTenant, world.ann.id, c, d); }));
  };
  auto fresh = [&] {
    return UserWorld::member(world.token(world.redeeming(world.code(world.ask()))),
                             "refresh_token");
  };
  std::string token = fresh();
  UserChange disabled;
  disabled.disabled = true;
  change(disabled);
  EXPECT_FALSE(world.counts(token));
  EXPECT_EQ(world.token(world.refreshing(token)).oauth(), "invalid_grant");
  disabled.disabled = false;
  change(disabled);
  EXPECT_TRUE(world.counts(token));
  UserChange ended;
  world.clock.advance(seconds(1));
  ended.valid_from = world.clock.now();
  change(ended);
  EXPECT_EQ(world.token(world.refreshing(token)).oauth(), "invalid_grant");
  EXPECT_EQ(world.token(world.refreshing(fresh())).status, 200);
}

TEST(UserTokens, EachCallIsCutToWhatItsUserMayThen) {
  UserWorld world;
  const std::string all = "ann:Machine.Read+Machine.LiveResponse+Library.Manage";
  EXPECT_EQ(world.get("/api/machines", all).status, 200);
  EXPECT_EQ(world.get("/api/libraryfiles", all).status, 403) << "the scope has it, no role has";
  EXPECT_EQ(world.get("/api/machines", "ann:Library.Manage").status, 403) << "the other way round";
  EXPECT_EQ(world.get("/api/libraryfiles", "user:Library.Manage").status, 200) << "no user of ours";
  world.ann.roles = bit(UserRole::library);
  world.user_rights.set(world.ann);
  EXPECT_EQ(world.get("/api/machines", all).status, 403);
  EXPECT_EQ(world.get("/api/libraryfiles", all).status, 200);
  world.user_rights.end_grant(test::kTenant, test::kAnnsGrant, world.clock.now());
  auto ended = world.get("/api/libraryfiles", all);
  EXPECT_EQ(ended.status, 401);
  EXPECT_EQ(ended.header("WWW-Authenticate"), "Bearer error=\"invalid_token\"");
}

TEST(UserTokens, RevocationEndsAGrantOfTheClientThatAsks) {  // RFC 7009
  UserWorld world;
  const std::string token =
      UserWorld::member(world.token(world.redeeming(world.code(world.ask()))), "refresh_token");
  EXPECT_EQ(world.revoke("nothing of ours", world.console).status, 200);
  App other = world.console;
  other.id = AppId::make(world.random);
  ASSERT_TRUE(testing::wait_for([&](auto d) {
                other.name = "other";
                world.stores.apps().add_app(other, d);
              }).ok());
  world.sign_in.apps.push_back(other);
  EXPECT_EQ(world.revoke(token, other).status, 200);
  EXPECT_TRUE(world.counts(token)) << "of another client: nothing happens";
  EXPECT_EQ(world.revoke(token, world.console).status, 200);
  EXPECT_FALSE(world.counts(token));
  EXPECT_EQ(world.revoke(token, world.console).status, 200);
  EXPECT_EQ(world.revoke("", world.console).oauth(), "invalid_request");
  App nobody = other;
  nobody.id = AppId::make(world.random);
  EXPECT_EQ(world.revoke(token, nobody).status, 401);
}

TEST(UserTokens, NothingIsGivenThatIsNotInTheAudit) {
  UserWorld world;
  const std::string code = world.code(world.ask());
  world.audit.fails = true;
  auto reply = world.token(world.redeeming(code));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body.find("rbrt_"), std::string::npos);
}

}  // namespace
}  // namespace reachback::server::rest
