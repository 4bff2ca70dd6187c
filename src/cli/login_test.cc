// Signing in as a user: the file of logins, the tokens from it, the commands.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/fake_api.h"
#include "cli/login_file.h"
#include "cli/token_claims.h"
#include "testing/temporary_folder.h"

namespace reachback::cli {
namespace {

constexpr std::int64_t kNow_s = 1'800'000'000;

std::string jwt(const std::string& claims) {
  return to_base64url("{}") + "." + to_base64url(claims) + ".c2ln";
}

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() {
    config.url = "https://rb.example";
    config.tenant = "t";
    config.client_id = "app";
    config.login_file = folder / ".config/reachback/logins.json";
  }
  Login stored(const std::string& user = "ann") {
    Login login{config.url, config.tenant,      config.client_id,   "/ca.pem",
                user,       Secret("access-1"), Secret("refresh-1")};
    login.access_until_s = kNow_s + 3600;
    return login;
  }
  void store(const Login& login) {
    auto lock = lock_logins(config.login_file);
    ASSERT_TRUE(lock.ok());
    ASSERT_TRUE(keep_login(config.login_file, login).ok());
  }
  Tokens::Ask ask(const std::string& answer, int status = 200) {
    return [this, answer, status](const std::string& form) -> Result<PlainAnswer> {
      forms.push_back(form);
      return PlainAnswer{status, answer};
    };
  }
  template <typename F>
  int captured(F command) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    auto exit = command();
    out = ::testing::internal::GetCapturedStdout();
    err = ::testing::internal::GetCapturedStderr();
    error = exit.ok() ? Error{} : exit.error();
    return exit.ok() ? *exit : -1;
  }
  reachback::testing::TemporaryFolder folder;
  Config config;
  FakeApi api;
  std::vector<std::string> forms;
  std::string out, err;
  Error error;
};

const std::string kTokens =
    R"({"access_token":"access-2","refresh_token":"refresh-2","expires_in":3599})";

TEST_F(LoginTest, what_is_kept_is_for_its_owner_alone) {
  store(stored());
  struct stat info{};
  ASSERT_EQ(::stat(config.login_file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  auto logins = read_logins(config.login_file);
  ASSERT_EQ(logins->size(), 1u);
  EXPECT_EQ((*logins)[0].user, "ann");
  EXPECT_EQ((*logins)[0].refresh.reveal(), "refresh-1");
  EXPECT_EQ((*logins)[0].access_until_s, kNow_s + 3600);
}

TEST_F(LoginTest, a_file_that_others_can_read_or_that_is_a_link_is_refused) {
  store(stored());
  for (const mode_t mode : {0640, 0604, 0620}) {
    ::chmod(config.login_file.c_str(), mode);
    auto refused = read_logins(config.login_file);
    ASSERT_FALSE(refused.ok()) << mode;
    EXPECT_EQ(refused.error().code, Errc::forbidden);
    EXPECT_NE(refused.error().message.find("chmod 600"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("refresh-1"), std::string::npos);
  }
  ::chmod(config.login_file.c_str(), 0600);
  ASSERT_EQ(::symlink(config.login_file.c_str(), (folder / "link").c_str()), 0);
  EXPECT_FALSE(read_logins(folder / "link").ok());
  EXPECT_TRUE(read_logins(folder / "absent")->empty());
}

TEST_F(LoginTest, a_damaged_file_is_said_and_not_lost) {
  store(stored());
  for (const char* text : {"", "{", "[]", R"({"logins":1})", R"({"logins":[1]})"}) {
    ASSERT_TRUE(write_file_durably(config.login_file, text).ok());
    EXPECT_EQ(read_logins(config.login_file).error().code, Errc::corrupt) << text;
    EXPECT_FALSE(keep_login(config.login_file, stored()).ok());
    EXPECT_EQ(*read_file(config.login_file), text);
  }
}

TEST_F(LoginTest, one_for_each_place_the_newest_first) {
  store(stored("ann"));
  Login other = stored("bob");
  other.tenant = "u";
  store(other);
  store(stored("eve"));
  auto logins = read_logins(config.login_file);
  ASSERT_EQ(logins->size(), 2u);
  EXPECT_EQ((*logins)[0].user, "eve");
  EXPECT_EQ(find_login(*logins, config)->user, "eve");
  config.tenant = "u";
  EXPECT_EQ(find_login(*logins, config)->user, "bob");
  config.tenant = "v";
  EXPECT_EQ(find_login(*logins, config), nullptr);
  EXPECT_EQ(find_login(*logins, Config())->user, "eve") << "whatever is open fits";
  config.tenant = "t";
  other.user = "bob again";
  ASSERT_TRUE(renew_login(config.login_file, other).ok());
  EXPECT_EQ((*read_logins(config.login_file))[0].user, "eve") << "renewing is not signing in";
}

TEST_F(LoginTest, a_token_that_lives_is_used_and_an_old_one_renewed_once) {
  store(stored());
  std::int64_t now_s = kNow_s;
  auto tokens = login_tokens(config, [&now_s] { return now_s; });
  EXPECT_EQ(tokens->get(ask(kTokens), Secret())->reveal(), "access-1");
  EXPECT_TRUE(forms.empty());
  now_s += 3600;
  EXPECT_EQ(tokens->get(ask(kTokens), Secret())->reveal(), "access-2");
  ASSERT_EQ(forms.size(), 1u);
  EXPECT_EQ(forms[0], "grant_type=refresh_token&client_id=app&refresh_token=refresh-1");
  // The next one is on disk: another program shows that, never the old one again.
  auto beside = login_tokens(config, [&now_s] { return now_s; });
  EXPECT_EQ(beside->get(ask("no", 500), Secret())->reveal(), "access-2");
  now_s += 3600;
  EXPECT_TRUE(beside
                  ->get(ask(R"({"access_token":"access-3","refresh_token":"refresh-3",)"
                            R"("expires_in":3599})"),
                        Secret())
                  .ok());
  EXPECT_NE(forms.back().find("refresh-2"), std::string::npos);
  // The first program finds what the second one got.
  EXPECT_EQ(tokens->get(ask("no", 500), Secret())->reveal(), "access-3");
}

TEST_F(LoginTest, a_token_that_the_server_refuses_is_renewed_though_it_lives) {
  store(stored());
  auto tokens = login_tokens(config, [] { return kNow_s; });
  EXPECT_EQ(tokens->get(ask(kTokens), Secret("access-1"))->reveal(), "access-2");
}

TEST_F(LoginTest, a_grant_that_is_over_is_forgotten_and_a_server_that_is_away_is_not) {
  store(stored());
  auto tokens = login_tokens(config, [] { return kNow_s + 7200; });
  auto away = tokens->get(
      [](const std::string&) -> Result<PlainAnswer> { return Error{Errc::unavailable, "away"}; },
      Secret());
  EXPECT_EQ(away.error().code, Errc::unavailable);
  EXPECT_FALSE(tokens->get(ask("{}", 503), Secret()).ok());
  EXPECT_EQ(read_logins(config.login_file)->size(), 1u);
  auto over = tokens->get(ask(R"({"error":"invalid_grant"})", 400), Secret());
  EXPECT_EQ(over.error().code, Errc::unauthenticated);
  EXPECT_NE(over.error().message.find("reachback login"), std::string::npos);
  EXPECT_TRUE(read_logins(config.login_file)->empty());
}

TEST_F(LoginTest, login_waits_as_long_and_as_often_as_the_server_says) {
  api.answer("PLAIN POST /t/oauth2/v2.0/devicecode",
             std::string(R"({"device_code":"DEV","user_code":"ABCD","interval":5,"expires_in":900,)"
                         R"("verification_uri":"https://rb.example/devicelogin"})"));
  const std::string token = "PLAIN POST /t/oauth2/v2.0/token";
  api.answer(token, std::string(R"(400 {"error":"authorization_pending"})"));
  api.answer(token, std::string(R"(400 {"error":"slow_down"})"));
  api.answer(token, Error{Errc::unavailable, "away"});
  api.answer(token, R"({"access_token":"a","refresh_token":"r","expires_in":3599,"id_token":")" +
                        jwt(R"({"preferred_username":"ann@corp.example"})") + R"("})");
  EXPECT_EQ(captured([this] { return login(api, Terminal(), config, LoginOptions()); }), 0)
      << error.message;
  EXPECT_EQ(out, "signed in as ann@corp.example at https://rb.example\n");
  EXPECT_NE(err.find("open https://rb.example/devicelogin in any browser and enter the code ABCD"),
            std::string::npos);
  EXPECT_EQ(api.paused, (std::vector<std::int64_t>{5, 5, 10, 20}));
  EXPECT_EQ(api.bodies[0],
            "client_id=app&scope=https%3A%2F%2Frb.example%2F.default%20openid%20offline_access");
  EXPECT_EQ(api.bodies[1],
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&"
            "client_id=app&device_code=DEV");
  auto logins = read_logins(config.login_file);
  ASSERT_EQ(logins->size(), 1u);
  EXPECT_EQ((*logins)[0].refresh.reveal(), "r");
  EXPECT_EQ((out + err).find("DEV"), std::string::npos) << "the device code is a secret";
}

TEST_F(LoginTest, a_sign_in_that_is_declined_or_too_late_is_said) {
  const std::string begin = "PLAIN POST /t/oauth2/v2.0/devicecode";
  const std::string token = "PLAIN POST /t/oauth2/v2.0/token";
  for (const char* answer : {R"(400 {"error":"access_denied"})", R"(400 {"error":"expired_token"})",
                             R"(400 {"error":"authorization_pending"})"}) {
    api = FakeApi();
    api.answer(begin, std::string(R"({"device_code":"D","user_code":"A","interval":5,)"
                                  R"("expires_in":20,"verification_uri":"https://x"})"));
    api.answer(token, std::string(answer));
    EXPECT_EQ(captured([this] { return login(api, Terminal(), config, LoginOptions()); }), -1);
    EXPECT_NE(error.message.find("reachback login"), std::string::npos) << error.message;
    EXPECT_LE(api.paused.size(), 4u);
  }
  EXPECT_TRUE(read_logins(config.login_file)->empty());
}

TEST_F(LoginTest, the_console_tells_what_is_not_configured) {
  config.tenant = config.client_id = "";
  api.answer("PLAIN GET /console/config.json", std::string("404 {}"));
  EXPECT_EQ(captured([this] { return login(api, Terminal(), config, LoginOptions()); }), -1);
  EXPECT_NE(error.message.find("--tenant and --client-id"), std::string::npos);
  api = FakeApi();
  api.answer("PLAIN GET /console/config.json",
             std::string(R"({"tenantId":"from-console","clientId":"console"})"));
  api.answer("PLAIN POST /from-console/oauth2/v2.0/devicecode",
             std::string(R"(400 {"error":"unauthorized_client"})"));
  EXPECT_EQ(captured([this] { return login(api, Terminal(), config, LoginOptions()); }), -1);
  EXPECT_NE(error.message.find("unauthorized_client"), std::string::npos);
}

TEST_F(LoginTest, logout_revokes_and_forgets_even_when_the_server_is_away) {
  store(stored());
  api.answer("PLAIN POST /t/oauth2/v2.0/revoke", std::string("{}"));
  LogoutOptions options;
  options.json = true;
  EXPECT_EQ(captured([&] { return logout(api, config, options); }), 0);
  EXPECT_EQ(out, "{\"user\":\"ann\",\"revoked\":true}\n");
  EXPECT_EQ(api.bodies.back(), "client_id=app&token=refresh-1");
  EXPECT_TRUE(read_logins(config.login_file)->empty());
  EXPECT_EQ(captured([&] { return logout(api, config, options); }), -1) << "nobody is signed in";
  store(stored());
  FakeApi away;
  away.answer("PLAIN POST /t/oauth2/v2.0/revoke", Error{Errc::unavailable, "away"});
  EXPECT_EQ(captured([&] { return logout(away, config, options); }), -1);
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_TRUE(read_logins(config.login_file)->empty());
}

TEST_F(LoginTest, whoami_asks_the_server_and_else_the_token) {
  api.answer("GET /api/reachback/me", std::string(R"({"name":"ann","roles":["viewer"]})"));
  EXPECT_EQ(captured([this] { return whoami(api, Terminal(), WhoamiOptions()); }), 0);
  EXPECT_EQ(out, "name         ann\nroles        viewer\n");
  api = FakeApi();
  api.answer("TOKEN", jwt(R"({"azp":"app","scp":"A.Read B.Read","exp":1800000000,)"
                          R"("preferred_username":"ann\u001b"})"));
  EXPECT_EQ(captured([this] { return whoami(api, Terminal(), WhoamiOptions()); }), 0);
  EXPECT_EQ(out,
            "name         ann\\x1b\napplication  app\npermissions  A.Read, B.Read\n"
            "expires      2027-01-15T08:00:00Z\n");
  WhoamiOptions options;
  options.json = true;
  EXPECT_EQ(captured([&] { return whoami(api, Terminal(), options); }), 0);
  EXPECT_NE(out.find(R"("permissions":["A.Read","B.Read"])"), std::string::npos);
}

TEST(TokenClaims, of_what_is_no_token_there_are_none) {
  for (const char* text : {"", "a", "a.b", "a.b.c", "..", "a.e30.", "a.!!.c"}) {
    EXPECT_EQ(token_claims(text).has_value(), std::string(text) == "a.e30.") << text;
  }
}

}  // namespace
}  // namespace reachback::cli
