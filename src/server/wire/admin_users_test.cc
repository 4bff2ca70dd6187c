#include "server/wire/admin_users.h"

#include <gtest/gtest.h>

#include "crypto/totp.h"
#include "server/passwords/argon2_passwords.h"
#include "server/wire/admin_request.h"
#include "testing/fake_clock.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

class AdminUsersTest : public ::testing::Test {
 protected:
  AdminUsersTest() {
    EXPECT_TRUE(testing::wait_for([&](auto d) {
                  stores_.apps().add_tenant(Tenant{tenant_, "default"}, d);
                }).ok());
    deps_.users = &stores_.users();
    deps_.passwords = &passwords_;
    deps_.user_rights = &rights_;
    deps_.device_groups = &groups_;
  }
  json::Object ask(json::Object request) {
    json::Object answer = json::parse(administer(deps_, json::write(request)))->as_object();
    refusal_ = answer.contains("error") ? answer.at("error").as_string().c_str() : "";
    return answer.contains("ok") ? answer.at("ok").as_object() : json::Object();
  }
  std::string refused(json::Object request) {
    ask(std::move(request));
    return refusal_;
  }
  User stored(const std::string& name) {
    return *testing::wait_for<User>(
        [&](auto d) { stores_.users().user_by_name(tenant_, name, d); });
  }
  bool counts(const User& user, Timestamp issued) {
    Principal p;
    p.tenant = tenant_;
    p.user = UserToken{user.id, GrantId(), issued};
    return rights_.apply(p).ok();
  }
  bool verifies(const User& user, const std::string& password) {
    return *testing::wait_for<bool>(
        [&](auto d) { passwords_.verify(user.password, Secret(password), d); });
  }

  testing::FakeStores stores_;
  testing::FakeClock clock_{from_micros(1'800'000'000'000'000)};
  testing::SeededRandom random_{1};
  TenantId tenant_ = TenantId::make(random_);
  Argon2Passwords passwords_{random_, Argon2Cost{64, 1, 1}};
  DeviceGroups groups_;
  UserRights rights_{groups_};
  AdminDeps deps_{stores_.apps(), clock_, random_};
  std::string refusal_;
};

TEST_F(AdminUsersTest, a_user_gets_a_password_and_a_key_that_work) {
  auto made = ask({{"command", "user_create"}, {"name", "Ann"}, {"roles", {"viewer", "library"}}});
  ASSERT_EQ(refusal_, "");
  User ann = stored("ann");
  EXPECT_EQ(ann.id.text(), string_of(made, "userId"));
  EXPECT_EQ(ann.roles, bit(UserRole::viewer) | bit(UserRole::library));
  EXPECT_TRUE(verifies(ann, string_of(made, "password")));
  EXPECT_EQ(string_of(made, "password").size(), 20u);
  EXPECT_EQ(string_of(made, "oneTimeCodeKey"), crypto::to_base32(ann.totp_key));
  EXPECT_EQ(string_of(made, "oneTimeCodeUri"),
            "otpauth://totp/Reachback:Ann?secret=" + crypto::to_base32(ann.totp_key) +
                "&issuer=Reachback");
  EXPECT_TRUE(counts(ann, clock_.now())) << "the running server knows at once";
}

TEST_F(AdminUsersTest, a_password_may_be_given_and_one_time_codes_left_out) {
  auto made = ask({{"command", "user_create"},
                   {"name", "ann"},
                   {"roles", {"viewer"}},
                   {"password", "correct horse battery"},
                   {"noOneTimeCodes", true}});
  EXPECT_FALSE(made.contains("password"));
  EXPECT_FALSE(made.contains("oneTimeCodeKey"));
  EXPECT_TRUE(verifies(stored("ann"), "correct horse battery"));
  EXPECT_TRUE(stored("ann").totp_key.empty());
}

TEST_F(AdminUsersTest, bad_input_is_named) {
  const std::pair<json::Object, const char*> bad[] = {
      {{{"command", "user_create"}, {"name", ""}, {"roles", {"viewer"}}}, "name: "},
      {{{"command", "user_create"}, {"name", "two\nlines"}, {"roles", {"viewer"}}}, "name: "},
      {{{"command", "user_create"}, {"name", "ann"}}, "roles: "},
      {{{"command", "user_create"}, {"name", "ann"}, {"roles", {"root"}}}, "'root'"},
      {{{"command", "user_create"}, {"name", "ann"}, {"roles", {"viewer"}}, {"groups", {"web"}}},
       "'web'"},
      {{{"command", "user_create"}, {"name", "ann"}, {"roles", {"viewer"}}, {"password", "short"}},
       "12"},
      {{{"command", "user_set"}, {"name", "ann"}}, "nothing to change"},
      {{{"command", "user_delete"}, {"name", "ann"}}, "'ann'"},
      {{{"command", "group_create"}, {"name", "web"}, {"tag", ""}}, "tag: "},
      {{{"command", "group_delete"}, {"name", "web"}}, "'web'"},
      {{{"command", "user_nonsense"}}, "unknown command"},
  };
  for (const auto& [request, text] : bad) {
    EXPECT_NE(refused(request).find(text), std::string::npos) << refusal_;
  }
  EXPECT_TRUE(testing::wait_for<std::vector<User>>([&](auto d) {
                stores_.users().users(tenant_, d);
              })->empty());
}

TEST_F(AdminUsersTest, what_takes_something_away_ends_tokens_and_what_gives_does_not) {
  ask({{"command", "user_create"}, {"name", "ann"}, {"roles", {"viewer"}}});
  const User ann = stored("ann");
  const Timestamp issued = clock_.now();
  const auto still_counts = [&](json::Object request) {
    clock_.advance(std::chrono::seconds(1));
    ask(std::move(request));
    EXPECT_EQ(refusal_, "");
    return counts(ann, issued);
  };
  EXPECT_TRUE(still_counts({{"command", "user_set"}, {"name", "ann"}, {"roles", {"admin"}}}));
  EXPECT_EQ(stored("ann").roles, bit(UserRole::admin));
  for (const char* command : {"user_password", "user_totp", "user_end_tokens"}) {
    EXPECT_FALSE(still_counts({{"command", command}, {"name", "ann"}})) << command;
    EXPECT_TRUE(counts(ann, clock_.now()));
  }
  EXPECT_NE(stored("ann").password, ann.password);
  EXPECT_NE(stored("ann").totp_key, ann.totp_key);
  ask({{"command", "user_totp"}, {"name", "ann"}, {"off", true}});
  EXPECT_TRUE(stored("ann").totp_key.empty());
  ask({{"command", "user_set"}, {"name", "ann"}, {"disabled", true}});
  EXPECT_FALSE(counts(ann, clock_.now()));
  ask({{"command", "user_set"}, {"name", "ann"}, {"disabled", false}});
  EXPECT_TRUE(counts(ann, clock_.now()));
  ask({{"command", "user_delete"}, {"name", "ann"}});
  EXPECT_FALSE(counts(ann, clock_.now()));
}

TEST_F(AdminUsersTest, groups_hold_a_user_to_machines) {
  auto web = ask({{"command", "group_create"}, {"name", "web"}, {"tag", "tier:web"}});
  EXPECT_EQ(web.at("id").to_number<int>(), 1);
  ask({{"command", "user_create"}, {"name", "ann"}, {"roles", {"viewer"}}, {"groups", {"web"}}});
  const auto tags = [&] {
    Principal p;
    p.tenant = tenant_;
    p.user = UserToken{stored("ann").id, GrantId(), clock_.now()};
    EXPECT_TRUE(rights_.apply(p).ok());
    return p.machine_tags;
  };
  EXPECT_EQ(tags(), std::vector<std::string>{"tier:web"});
  EXPECT_NE(refused({{"command", "group_delete"}, {"name", "web"}}).find("'ann'"),
            std::string::npos);
  ask({{"command", "user_set"}, {"name", "ann"}, {"allMachines", true}});
  EXPECT_EQ(tags(), std::nullopt);
  EXPECT_EQ(refused({{"command", "group_delete"}, {"name", "web"}}), "");
  EXPECT_TRUE(ask({{"command", "group_list"}}).at("groups").as_array().empty());
}

TEST_F(AdminUsersTest, an_application_for_users_is_checked) {
  const auto app = [&](json::Array scopes, json::Array uris) {
    return refused({{"command", "app_create"},
                    {"name", "console" + std::to_string(clock_.now().time_since_epoch().count())},
                    {"scopes", std::move(scopes)},
                    {"redirectUris", std::move(uris)},
                    {"noSecret", true}});
  };
  EXPECT_NE(app({"Machine.Nonsense"}, {}).find("'Machine.Nonsense'"), std::string::npos);
  EXPECT_NE(app({}, {"http://localhost"}).find("scopes: "), std::string::npos);
  for (const char* bad : {"", "localhost", "http://example.com", "http://localhost.example",
                          "https://", "https://a/#b", "javascript:alert(1)", "data:text/html,x",
                          "https://a/<b>", "https://a b"}) {
    EXPECT_NE(app({"Machine.Read"}, {bad}), "") << bad;
  }
  for (const char* good : {"http://localhost", "http://127.0.0.1:1/x", "http://[::1]/",
                           "https://console.example/back?x=1", "com.example.app:/back"}) {
    clock_.advance(std::chrono::seconds(1));
    EXPECT_EQ(app({"Machine.Read"}, {good}), "") << good;
  }
}

}  // namespace
}  // namespace reachback::server
