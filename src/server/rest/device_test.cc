// The device grant. Case numbers are those of trust.md §5.1.
#include <gtest/gtest.h>

#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::kPassword;
using test::UserWorld;

class Device : public ::testing::Test {
 protected:
  test::Reply begin(const std::string& version = "/oauth2/v2.0",
                    const std::string& asked = "scope=" + percent_encode("openid offline_access " +
                                                                         test::kMdeScope)) {
    return world.send("POST", "/" + test::kTenant.text() + version + "/devicecode", {},
                      "client_id=" + world.console.id.text() + "&" + asked);
  }
  test::Reply poll(const std::string& device_code) {
    return world.token({{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
                        {"client_id", world.console.id.text()},
                        {"device_code", device_code}});
  }
  test::Reply enter(const std::string& user_code, Pairs more = {}) {
    more.emplace_back("user_code", user_code);
    return world.send("POST", "/devicelogin", {}, encode_pairs(more));
  }
  test::Reply allow(const std::string& user_code, const std::string& password = kPassword) {
    return enter(user_code, {{"username", world.ann.name},
                             {"password", password},
                             {"otp", world.otp()},
                             {"answer", "yes"}});
  }
  UserWorld world;
};

TEST_F(Device, AProgramIsToldWhatToShow) {
  auto start = begin();
  ASSERT_EQ(start.status, 200) << start.body;
  json::Object o = start.object();
  EXPECT_EQ(o["expires_in"], 900);
  EXPECT_EQ(o["interval"], 5);
  EXPECT_EQ(o["verification_uri"], "https://api.security.microsoft.com/devicelogin");
  const std::string code = UserWorld::member(start, "user_code");
  EXPECT_EQ(code.size(), 9u);
  EXPECT_EQ(code.find_first_not_of("BCDFGHJKLMNPQRSTVWXZ-"), std::string::npos);
  EXPECT_EQ(UserWorld::member(start, "message"),
            "To sign in, open the page https://api.security.microsoft.com/devicelogin in a browser "
            "and enter the code " +
                code + ".");
  auto v1 = begin("/oauth2", "resource=https%3A%2F%2Fapi.securitycenter.microsoft.com");
  ASSERT_EQ(v1.status, 200) << v1.body;
  EXPECT_EQ(v1.object()["expires_in"], "900");
  EXPECT_EQ(v1.object()["verification_url"], "https://api.security.microsoft.com/devicelogin");
}

TEST_F(Device, AYesBecomesTokensOnce) {
  auto start = begin();
  const std::string device = UserWorld::member(start, "device_code");
  const std::string user = UserWorld::member(start, "user_code");
  EXPECT_EQ(poll(device).oauth(), "authorization_pending");
  auto page = enter(user);
  ASSERT_EQ(page.status, 200) << page.body;
  EXPECT_NE(page.body.find("Console &lt;b&gt;"), std::string::npos);
  EXPECT_NE(page.body.find("198.51.100.9"), std::string::npos) << "where the program is";
  std::string typed = to_lower(user);
  std::erase(typed, '-');
  ASSERT_EQ(allow(typed).status, 200);
  world.clock.advance(seconds(5));
  auto reply = poll(device);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(UserWorld::member(reply, "access_token").starts_with("token of ann@corp.example"));
  EXPECT_EQ(world.token(world.refreshing(UserWorld::member(reply, "refresh_token"))).status, 200);
  world.clock.advance(seconds(5));
  EXPECT_EQ(poll(device).oauth(), "invalid_grant");
  EXPECT_EQ(enter(user).status, 400);
}

TEST_F(Device, ANoIsToldToTheProgram) {
  auto start = begin();
  EXPECT_EQ(enter(UserWorld::member(start, "user_code"), {{"answer", "no"}}).status, 200);
  EXPECT_EQ(poll(UserWorld::member(start, "device_code")).oauth(), "access_denied");
  EXPECT_EQ(allow(UserWorld::member(start, "user_code")).status, 400);
}

TEST_F(Device, AsksTooOftenAndHasToWaitLonger) {  // 16
  const std::string device = UserWorld::member(begin(), "device_code");
  EXPECT_EQ(poll(device).oauth(), "authorization_pending");
  world.clock.advance(seconds(4));
  EXPECT_EQ(poll(device).oauth(), "slow_down");
  world.clock.advance(seconds(9));
  EXPECT_EQ(poll(device).oauth(), "slow_down") << "ten seconds now";
  world.clock.advance(seconds(15));
  EXPECT_EQ(poll(device).oauth(), "authorization_pending");
}

TEST_F(Device, ACodeThatIsUnknownOrOverSaysSo) {  // 15
  EXPECT_EQ(poll("unknown").oauth(), "invalid_grant");
  auto start = begin();
  const std::string device = UserWorld::member(start, "device_code");
  auto other = world.token({{"grant_type", "device_code"},
                            {"client_id", world.confidential.id.text()},
                            {"client_secret", test::kSecret},
                            {"device_code", device}});
  EXPECT_EQ(other.oauth(), "invalid_grant") << "of another client";
  world.clock.advance(minutes(15));
  EXPECT_EQ(poll(device).oauth(), "expired_token");
  EXPECT_EQ(allow(UserWorld::member(start, "user_code")).status, 400);
  world.clock.advance(minutes(10));
  begin();
  EXPECT_EQ(poll(device).oauth(), "invalid_grant") << "forgotten";
}

TEST_F(Device, CodesCannotBeGuessed) {  // 17
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(enter("BBBB-BBBB").status, 400) << i;
  }
  auto start = begin();
  EXPECT_EQ(enter(UserWorld::member(start, "user_code")).status, 429);
  world.peer = "203.0.113.5";
  EXPECT_EQ(enter(UserWorld::member(start, "user_code")).status, 200);
}

TEST_F(Device, ACodeDiesAfterFailedSignIns) {  // 17
  auto start = begin();
  const std::string user = UserWorld::member(start, "user_code");
  for (int i = 0; i < 3; ++i) {  // the limit of this world
    EXPECT_EQ(allow(user, "wrong").status, 400);
  }
  EXPECT_EQ(enter(user).status, 400);
  EXPECT_EQ(poll(UserWorld::member(start, "device_code")).oauth(), "expired_token");
}

TEST_F(Device, AFormOfAnotherSiteIsRefused) {
  auto start = begin();
  auto reply = world.send("POST", "/devicelogin", {{"Sec-Fetch-Site", "cross-site"}},
                          "user_code=" + UserWorld::member(start, "user_code"));
  EXPECT_EQ(reply.status, 400);
}

TEST_F(Device, TheAddressMayCarryTheCodeToThePage) {
  auto page = world.send("GET", "/devicelogin?user_code=" + percent_encode("\"><b>x"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body.find("<b>"), std::string::npos);
}

TEST_F(Device, OneAddressDoesNotFillTheTable) {
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(begin().status, 200) << i;
  }
  auto refused = begin();
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.header("Retry-After"), "");
  world.peer = "203.0.113.5";
  EXPECT_EQ(begin().status, 200);
}

TEST_F(Device, BadRequestsAreRefused) {
  for (const char* body : {"", "client_id=", "scope=x", "{}"}) {
    EXPECT_EQ(
        world.send("POST", "/" + test::kTenant.text() + "/oauth2/v2.0/devicecode", {}, body).status,
        400)
        << body;
  }
  EXPECT_EQ(begin("/oauth2/v2.0", "").oauth(), "invalid_request");
  EXPECT_EQ(begin("/oauth2/v2.0", "scope=Machine.Read").oauth(), "invalid_scope");
  EXPECT_EQ(world
                .send("POST", "/" + test::kTenant.text() + "/oauth2/v2.0/devicecode", {},
                      "client_id=" + AppId::make(world.random).text() + "&scope=openid")
                .status,
            401);
}

}  // namespace
}  // namespace reachback::server::rest
