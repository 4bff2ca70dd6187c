// What administrators set over the API: applications, users, device groups, enrolment tokens.
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using test::kTenant;
using test::Reply;
using test::UserWorld;
using test::World;
using testing::wait_for;

const std::string kApps = "/api/reachback/applications";
const std::string kUsers = "/api/reachback/users";
const std::string kGroups = "/api/reachback/deviceGroups";
const std::string kTokens = "/api/reachback/enrollmentTokens";
const std::string kManage = "Reachback.Manage";

std::string text(const Reply& r, const char* name) {
  return UserWorld::member(r, name);
}

class SettingsApi : public ::testing::Test {
 protected:
  Reply get(const std::string& path, const std::string& token = kManage) {
    return world_.get(path, token);
  }
  Reply post(const std::string& path, const std::string& body = "",
             const std::string& token = kManage) {
    return world_.post(path, token, body);
  }
  Reply send(const std::string& method, const std::string& path, const std::string& body = "",
             const std::string& token = kManage) {
    return world_.send(method, path, {{"Authorization", "Bearer " + token}}, body);
  }
  // Ann, who signed in with these scopes, in a role.
  void make_ann(UserRole role) {
    world_.ann.roles = bit(role);
    ASSERT_TRUE(wait_for<User>([&](auto d) {
                  UserChange change;
                  change.roles = world_.ann.roles;
                  world_.stores.users().change_user(kTenant, world_.ann.id, change, d);
                }).ok());
    world_.user_rights.set(world_.ann);
  }
  App stored_app(const std::string& id) {
    return *wait_for<App>([&](auto d) { world_.stores.apps().app(kTenant, *AppId::parse(id), d); });
  }
  User stored_user(const std::string& name) {
    return *wait_for<User>([&](auto d) { world_.stores.users().user_by_name(kTenant, name, d); });
  }

  UserWorld world_{World::without_rates()};
};

TEST_F(SettingsApi, AnApplicationsSecretIsShownOnceAndItsDigestIsKept) {
  auto made = post(kApps, R"({"name":"soar","roles":["Machine.LiveResponse"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string id = text(made, "clientId"), secret = text(made, "clientSecret");
  EXPECT_EQ(stored_app(id).secret, crypto::sha256(secret));
  EXPECT_EQ(stored_app(id).roles, std::vector<std::string>{"Machine.LiveResponse"});
  auto list = get(kApps);
  ASSERT_EQ(list.status, 200);
  EXPECT_EQ(list.body.find(secret), std::string::npos);
  EXPECT_NE(list.body.find(R"("name":"soar","roles":["Machine.LiveResponse"],"scopes":[])"),
            std::string::npos)
      << list.body;

  auto rotated = post(kApps + "/" + id + "/rotate");
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  EXPECT_NE(text(rotated, "clientSecret"), secret);
  EXPECT_EQ(stored_app(id).secret, crypto::sha256(text(rotated, "clientSecret")));
  EXPECT_EQ(world_.revoked.size(), 1u) << "its tokens end";

  EXPECT_EQ(send("DELETE", kApps + "/" + id).status, 204);
  EXPECT_EQ(world_.revoked.size(), 2u);
  EXPECT_EQ(send("DELETE", kApps + "/" + id).status, 404);
  EXPECT_EQ(post(kApps + "/" + id + "/rotate").status, 404);
  EXPECT_EQ(post(kApps + "/nonsense/rotate").status, 404);
}

TEST_F(SettingsApi, APublicClientHasNoSecret) {
  auto made = post(kApps, R"({"name":"cli","scopes":["Machine.Read"],)"
                          R"("redirectUris":["http://localhost"],"publicClient":true})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(text(made, "clientSecret"), "");
  EXPECT_NE(made.body.find(R"("publicClient":true)"), std::string::npos);
}

TEST_F(SettingsApi, WhatIsWrongNamesItsField) {
  ASSERT_EQ(post(kApps, R"({"name":"soar","roles":["Audit.Read"]})").status, 201);
  ASSERT_EQ(post(kGroups, R"({"name":"web","tags":["tier:web"]})").status, 201);
  struct Case {
    std::string path, body, field;
    int status = 400;
  };
  for (const Case& c : std::vector<Case>{
           {kApps, R"({"roles":["Audit.Read"]})", "name"},
           {kApps, R"({"name":7,"roles":["Audit.Read"]})", "name"},
           {kApps, R"({"name":"soar","roles":["Audit.Read"]})", "name: "},
           {kApps, R"({"name":"x"})", "roles, scopes: "},
           {kApps, R"({"name":"x","roles":"Audit.Read"})", "roles: "},
           {kApps, R"({"name":"x","roles":[1]})", "roles: "},
           {kApps, R"({"name":"x","roles":["Everything"]})", "roles: 'Everything'"},
           {kApps, R"({"name":"x","scopes":["Machine.Read.All"]})", "scopes: 'Machine.Read.All'"},
           {kApps, R"({"name":"x","scopes":["Audit.Read"],"redirectUris":["http://evil.example"]})",
            "redirectUris: 'http://evil.example'"},
           {kApps, R"({"name":"x","scopes":["Audit.Read"],"redirectUris":["/console/signed-in"]})",
            "redirectUris: "},
           {kApps, R"({"name":"x","roles":["Audit.Read"],"redirectUris":["https://a.example/"]})",
            "scopes: "},
           {kApps, R"({"name":"x","roles":["Audit.Read"],"publicClient":"no"})", "publicClient: "},
           {kApps, "[]", "object"},
           {kApps, "{", ""},
           {kUsers, R"({"roles":["viewer"]})", "name"},
           {kUsers, R"({"name":"two\nlines","roles":["viewer"]})", "name: "},
           {kUsers, R"({"name":"ANN@corp.example","roles":["viewer"]})", "name: "},
           {kUsers, R"({"name":"bob"})", "roles: "},
           {kUsers, R"({"name":"bob","roles":["root"]})", "roles: 'root'"},
           {kUsers, R"({"name":"bob","roles":["viewer"],"groups":["nowhere"]})", "'nowhere'", 404},
           {kUsers, R"({"name":"bob","roles":["viewer"],"oneTimeCode":1})", "oneTimeCode: "},
           {kGroups, R"({"name":"g"})", "tags: "},
           {kGroups, R"({"name":"g","tags":["a","b"]})", "tags: "},
           {kGroups, R"({"name":"g","tags":[""]})", "tag: "},
           {kGroups, R"({"name":"web","tags":["x"]})", "name: "},
           {kTokens, R"({"ttlSeconds":0})", "ttlSeconds: "},
           {kTokens, R"({"ttlSeconds":1e99})", "ttlSeconds: "},
           {kTokens, R"({"uses":1000001})", "uses: "},
           {kTokens, R"({"uses":1.5})", "uses: "},
           {kTokens, R"({"tags":["a\u0000"]})", "tags: "}}) {
    auto r = post(c.path, c.body);
    EXPECT_EQ(r.status, c.status) << c.path << " " << c.body << " " << r.body;
    EXPECT_NE(r.message().find(c.field), std::string::npos) << c.body << ": " << r.message();
  }
  EXPECT_EQ(post(kApps, std::string(70'000, ' ')).status, 413);
  EXPECT_EQ(get(kApps + "?$top=1").status, 400);
}

TEST_F(SettingsApi, AUserSignsInWithWhatIsShownOnce) {
  ASSERT_EQ(post(kGroups, R"({"name":"web","tags":["tier:web"]})").status, 201);
  auto made = post(kUsers, R"({"name":"bob@corp.example","roles":["viewer"],"groups":["web"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(stored_user("bob@corp.example").password, "hash of " + text(made, "password"));
  EXPECT_NE(text(made, "totpUri").find("otpauth://totp/Reachback:bob%40corp.example?secret="),
            std::string::npos)
      << made.body;
  EXPECT_NE(made.body.find(R"("groups":["web"],"disabled":false,"oneTimeCode":true)"),
            std::string::npos);
  auto list = get(kUsers);
  EXPECT_EQ(list.body.find(text(made, "password")), std::string::npos);
  EXPECT_NE(list.body.find(R"({"name":"bob@corp.example","roles":["viewer"],"groups":["web"])"),
            std::string::npos)
      << list.body;
  auto again = post(kUsers + "/BOB@corp.example/password");
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(stored_user("bob@corp.example").password, "hash of " + text(again, "password"));
  EXPECT_EQ(text(again, "totpUri"), "") << "it has not changed";
  auto codes = post(kUsers + "/bob@corp.example/totp");
  EXPECT_NE(text(codes, "totpUri"), text(made, "totpUri"));
  EXPECT_EQ(text(codes, "password"), "");
  EXPECT_EQ(send("DELETE", kGroups + "/web").status, 409) << "bob is assigned to it";
  EXPECT_EQ(send("DELETE", kUsers + "/bob@corp.example").status, 204);
  EXPECT_EQ(send("DELETE", kUsers + "/bob@corp.example").status, 404);
  EXPECT_EQ(send("DELETE", kGroups + "/web").status, 204);
}

TEST_F(SettingsApi, AChangeOfAUserCountsForTheNextCall) {
  make_ann(UserRole::viewer);
  auto sees = [this] { return get("/api/machines", "ann:Machine.Read").status; };
  ASSERT_EQ(sees(), 200);
  const std::string ann = kUsers + "/ann@corp.example";
  auto disabled = send("PATCH", ann, R"({"disabled":true})");
  ASSERT_EQ(disabled.status, 200) << disabled.body;
  EXPECT_NE(disabled.body.find(R"("disabled":true)"), std::string::npos);
  EXPECT_EQ(sees(), 401);
  EXPECT_EQ(send("PATCH", ann, R"({"disabled":false})").status, 200);
  world_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(sees(), 200);
  EXPECT_EQ(send("PATCH", ann, R"({"roles":["library"]})").status, 200);
  EXPECT_EQ(sees(), 403);
  EXPECT_EQ(send("PATCH", ann, "{}").status, 400);
  EXPECT_EQ(send("PATCH", ann, R"({"roles":[]})").status, 400);
  EXPECT_EQ(send("PATCH", kUsers + "/nobody", R"({"disabled":true})").status, 404);
  const Timestamp before = world_.clock.now();
  world_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(post(ann + "/endTokens").status, 204);
  EXPECT_GT(stored_user("ann@corp.example").valid_from, before);
}

TEST_F(SettingsApi, AnEnrolmentTokenIsShownOnceWithWhatAnAgentNeeds) {
  auto made = post(kTokens, R"({"ttlSeconds":60,"uses":3,"tags":["tier:web"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(text(made, "server"), "https://agents.example:8444");
  EXPECT_EQ(text(made, "caFile"), "-----BEGIN CERTIFICATE-----\n");
  auto list = get(kTokens);
  EXPECT_EQ(list.body.find(text(made, "enrollmentToken")), std::string::npos);
  EXPECT_NE(list.body.find(R"("usesLeft":3,"tags":["tier:web"])"), std::string::npos) << list.body;
  const std::string id = text(made, "id");
  EXPECT_NE(list.body.find(R"({"id":")" + id + "\""), std::string::npos);
  EXPECT_EQ(send("DELETE", kTokens + "/" + id).status, 204);
  EXPECT_EQ(send("DELETE", kTokens + "/" + id).status, 404);
  EXPECT_EQ(get(kTokens).body, R"({"value":[]})");
  ASSERT_EQ(post(kTokens, "{}").status, 201) << "an hour, one machine";
  world_.clock.advance(std::chrono::hours(2));
  EXPECT_EQ(get(kTokens).body, R"({"value":[]})") << "what has expired enrols nothing";
}

TEST_F(SettingsApi, TheAuditIsToldWhoAsked) {
  make_ann(UserRole::admin);
  std::string all;
  for (const std::string& scope : all_scopes()) {
    all += (all.empty() ? "ann:" : "+") + scope;
  }
  ASSERT_EQ(post(kUsers, R"({"name":"bob","roles":["viewer"]})", all).status, 201);
  const ChangedBy by = world_.stores.users().last_by();
  EXPECT_EQ(by.principal, "ann@corp.example");
  EXPECT_EQ(by.peer_ip, "198.51.100.9");
  EXPECT_TRUE(by.request.has_value());
}

TEST_F(SettingsApi, AUserGivesNoMoreThanItsTokenHolds) {
  make_ann(UserRole::admin);
  const std::string few = "ann:Reachback.Manage+Machine.Read+Alert.Read";
  auto refused = [&](const Reply& r, const std::string& word) {
    EXPECT_EQ(r.status, 403) << r.body;
    EXPECT_EQ(r.code(), "DisallowedOperation");
    EXPECT_NE(r.message().find(word), std::string::npos) << r.message();
  };
  refused(post(kApps, R"({"name":"a","roles":["Machine.LiveResponse"]})", few),
          "Machine.LiveResponse");
  refused(post(kApps, R"({"name":"a","scopes":["Library.Manage"]})", few), "Library.Manage");
  refused(post(kUsers, R"({"name":"b","roles":["admin"]})", few), "Audit.Read");
  refused(post(kUsers, R"({"name":"b","roles":["live-response-basic"]})", few),
          "Machine.LiveResponse");
  ASSERT_EQ(post(kUsers, R"({"name":"viewer","roles":["viewer"]})", few).status, 201);
  refused(send("PATCH", kUsers + "/viewer", R"({"roles":["admin"]})", few), "Library.Manage");
  // Whoever sets a password, or has a secret, may what it opens.
  ASSERT_EQ(post(kUsers, R"({"name":"strong","roles":["admin"]})").status, 201);
  refused(post(kUsers + "/strong/password", "", few), "Library.Manage");
  refused(post(kUsers + "/strong/totp", "", few), "Library.Manage");
  refused(send("PATCH", kUsers + "/strong", R"({"disabled":false})", few), "Library.Manage");
  auto app = post(kApps, R"({"name":"soar","roles":["Machine.LiveResponse"]})");
  ASSERT_EQ(app.status, 201);
  refused(post(kApps + "/" + text(app, "clientId") + "/rotate", "", few), "Machine.LiveResponse");
  // Taking away is no giving.
  EXPECT_EQ(post(kUsers + "/strong/endTokens", "", few).status, 204);
  EXPECT_EQ(send("DELETE", kUsers + "/strong", "", few).status, 204);
  // An application with Reachback.Manage may give everything.
  EXPECT_EQ(post(kApps, R"({"name":"a","roles":["Machine.LiveResponse"]})").status, 201);
}

TEST_F(SettingsApi, ACallerDoesNotEndItsOwnAdministration) {
  make_ann(UserRole::admin);
  std::string all;
  for (const std::string& scope : all_scopes()) {
    all += (all.empty() ? "ann:" : "+") + scope;
  }
  const std::string ann = kUsers + "/ann@corp.example";
  ASSERT_EQ(post(kGroups, R"({"name":"web","tags":["x"]})").status, 201);
  for (const char* edit :
       {R"({"disabled":true})", R"({"roles":["viewer"]})", R"({"groups":["web"]})"}) {
    auto r = send("PATCH", ann, edit, all);
    EXPECT_EQ(r.status, 409) << edit << r.body;
    EXPECT_NE(r.message().find("reachback-server user set"), std::string::npos);
  }
  EXPECT_EQ(send("DELETE", ann, "", all).status, 409);
  EXPECT_EQ(send("DELETE", kApps + "/" + console_app_id().text(), "", all).status, 409)
      << "the application that she came through";
  App own;
  own.tenant = kTenant;
  own.id = *AppId::parse(test::kApp);
  own.name = "administrator";
  own.roles = {kManage};
  ASSERT_TRUE(wait_for([&](auto d) { world_.stores.apps().add_app(own, d); }).ok());
  auto r = send("DELETE", kApps + "/" + test::kApp);
  EXPECT_EQ(r.status, 409);
  EXPECT_NE(r.message().find("reachback-server app delete"), std::string::npos);
  // Others may.
  EXPECT_EQ(send("DELETE", kApps + "/" + test::kApp, "", all).status, 204);
  EXPECT_EQ(send("DELETE", ann).status, 204);
}

TEST_F(SettingsApi, WhoSeesSomeMachinesOnlyMayChangeNoSettings) {
  make_ann(UserRole::admin);
  world_.device_groups.set(kTenant, {{kTenant, 1, "East", "east", {}}});
  world_.ann.groups = {1};
  world_.user_rights.set(world_.ann);
  const std::string hooks = "/api/reachback/webhooks";
  for (const std::string& path :
       {kApps, kUsers, kGroups, kTokens, hooks, hooks + "/soar/deliveries"}) {
    auto r = get(path, "ann:Reachback.Manage");
    EXPECT_EQ(r.status, 403) << path;
    EXPECT_EQ(r.code(), "DisallowedOperation");
  }
}

TEST_F(SettingsApi, TheConsolesApplicationIsThereToDeleteAndGetsNoSecret) {
  ASSERT_TRUE(wait_for([&](auto d) {
                world_.stores.apps().add_app(console_app(kTenant, world_.clock.now()), d);
              }).ok());
  const std::string console = kApps + "/" + console_app_id().text();
  EXPECT_NE(get(kApps).body.find(R"("redirectUris":["/console/signed-in"])"), std::string::npos);
  EXPECT_EQ(post(console + "/rotate").status, 409);
  EXPECT_EQ(send("DELETE", console).status, 204);
}

TEST_F(SettingsApi, TheSettingsAreOfOneTenant) {
  auto r = get(kApps, "other:Reachback.Manage");
  EXPECT_EQ(r.status, 403);
  EXPECT_EQ(r.body.find("clientId"), std::string::npos);
}

TEST_F(SettingsApi, WhenTooMuchWaitsNothingIsDone) {
  world_.background.full = true;
  EXPECT_EQ(post(kApps, R"({"name":"soar","roles":["Audit.Read"]})").status, 503);
  world_.background.full = false;
  EXPECT_EQ(get(kApps).body.find("soar"), std::string::npos);
}

}  // namespace
}  // namespace reachback::server::rest
