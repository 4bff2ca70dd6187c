#include "server/wire/admin.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "json/json.h"
#include "server/wire/admin_socket.h"
#include "server/wire/data_folder.h"
#include "server/wire/revocations.h"
#include "testing/fake_stores.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = ::testing::TempDir() + "rb.XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { EXPECT_TRUE(remove_tree(path_).ok()); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    tenant_ = TenantId::make(random_);
    EXPECT_TRUE(testing::wait_for([&](auto d) {
                  stores_.apps().add_tenant(Tenant{tenant_, "default"}, d);
                }).ok());
  }
  json::Object ask(json::Object request) {
    auto answer =
        json::parse(administer(AdminDeps{stores_.apps(), clock_, random_}, json::write(request)));
    return answer->as_object();
  }
  std::string refusal(json::Object request) {
    json::Object answer = ask(std::move(request));
    return answer.contains("error") ? answer.at("error").as_string().c_str() : "";
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  testing::FakeStores stores_;
  TenantId tenant_;
};

TEST_F(AdminTest, an_application_is_made_listed_rotated_and_deleted) {
  json::Object made = ask({{"command", "app_create"},
                           {"name", "soar"},
                           {"roles", json::Array{"Machine.LiveResponse"}}})
                          .at("ok")
                          .as_object();
  std::string id = made.at("clientId").as_string().c_str();
  std::string secret = made.at("clientSecret").as_string().c_str();
  auto app =
      testing::wait_for<App>([&](auto d) { stores_.apps().app(tenant_, *AppId::parse(id), d); });
  EXPECT_EQ(app->secret, crypto::sha256(secret));
  EXPECT_EQ(ask({{"command", "app_list"}}).at("ok").at("apps").as_array().size(), 1u);
  json::Object rotated = ask({{"command", "app_rotate"}, {"clientId", id}}).at("ok").as_object();
  EXPECT_NE(rotated.at("clientSecret").as_string(), secret);
  EXPECT_TRUE(ask({{"command", "app_delete"}, {"clientId", id}}).contains("ok"));
  EXPECT_NE(refusal({{"command", "app_delete"}, {"clientId", id}}).find(id), std::string::npos);
}

TEST_F(AdminTest, a_revocation_is_there_after_a_restart_and_goes_when_no_token_can_be_left) {
  TempFolder dir;
  std::string path = dir / "revocations.json";
  AppId app = AppId::make(random_);
  Timestamp then = clock_.now();
  ASSERT_TRUE(remember_revocation(path, app, then).ok());
  auto replayed = [&](Timestamp now) {
    std::vector<std::pair<AppId, Timestamp>> out;
    EXPECT_TRUE(replay_revocations(path, now, [&](const AppId& a, Timestamp at) {
                  out.emplace_back(a, at);
                }).ok());
    return out;
  };
  ASSERT_EQ(replayed(then).size(), 1u);
  EXPECT_EQ(replayed(then)[0].first, app);
  EXPECT_EQ(replayed(then)[0].second, then);
  EXPECT_TRUE(replayed(then + std::chrono::hours(3)).empty());
  ASSERT_TRUE(write_file_durably(path, "{").ok());
  EXPECT_EQ(replay_revocations(path, then, nullptr).error().code, Errc::corrupt);
  EXPECT_TRUE(replay_revocations(dir / "none", then, nullptr).ok());
}

TEST_F(AdminTest, what_is_wrong_is_named) {
  EXPECT_NE(
      refusal(
          {{"command", "app_create"}, {"name", "x"}, {"roles", json::Array{"Machine.Everything"}}})
          .find("Machine.Everything"),
      std::string::npos);
  EXPECT_NE(refusal({{"command", "app_create"}, {"name", "x"}}).find("--role"), std::string::npos);
  EXPECT_NE(refusal({{"command", "app_create"}, {"roles", json::Array{"Machine.LiveResponse"}}})
                .find("--name"),
            std::string::npos);
  EXPECT_NE(refusal({{"command", "enrollment_token_create"}, {"ttlSeconds", 0}}).find("--ttl"),
            std::string::npos);
  EXPECT_NE(refusal({{"command", "enrollment_token_create"}, {"uses", 0}}).find("--uses"),
            std::string::npos);
  EXPECT_NE(refusal({{"command", "app_rotate"}, {"clientId", "7"}}).find("'7'"), std::string::npos);
  EXPECT_NE(refusal({{"command", "clock_advance"}, {"seconds", 1}}).find("clock_advance"),
            std::string::npos);
}

TEST(AdminSocket, carries_a_line_each_way_and_says_when_nobody_is_there) {
  TempFolder dir;
  {
    auto socket = AdminSocket::listen(
        dir / "s", [](std::string_view line) { return "<" + std::string(line) + ">"; });
    ASSERT_TRUE(socket.ok());
    EXPECT_EQ(ask_admin_socket(dir / "s", "hello").value(), "<hello>");
    EXPECT_EQ(ask_admin_socket(dir / "s", "again").value(), "<again>");
  }
  EXPECT_EQ(ask_admin_socket(dir / "s", "hello").error().code, Errc::unavailable);
  EXPECT_EQ(AdminSocket::listen(dir / std::string(120, 'x'), nullptr).error().code,
            Errc::invalid_input);
}

TEST(DataFolder, is_usable_only_when_init_finished_it) {
  TempFolder dir;
  crypto::SystemRandom random;
  DataPaths paths(dir / "data");
  EXPECT_EQ(load_data_folder(paths).error().code, Errc::not_found);
  auto made = make_data_folder(paths, "https://rb.example", random, SystemClock().now());
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_NE(load_data_folder(paths).error().message.find("not a finished data folder"),
            std::string::npos);
  EXPECT_NE(
      make_data_folder(paths, "", random, SystemClock().now()).error().message.find("cut short"),
      std::string::npos);
  ASSERT_TRUE(finish_data_folder(paths).ok());
  auto loaded = load_data_folder(paths);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->blob_key, made->blob_key);
  EXPECT_EQ(loaded->public_url, "https://rb.example");
  EXPECT_EQ(make_data_folder(paths, "", random, SystemClock().now()).error().code,
            Errc::already_exists);
  ASSERT_TRUE(write_file_durably(paths.format(), "reachback-data 2\n").ok());
  EXPECT_EQ(load_data_folder(paths).error().code, Errc::mismatch);
}

TEST(DataFolder, one_process_at_a_time) {
  TempFolder dir;
  DataPaths paths(dir / "data");
  auto first = lock_data_folder(paths);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(lock_data_folder(paths).error().code, Errc::unavailable);
  first->reset();
  EXPECT_TRUE(lock_data_folder(paths).ok());
}

TEST(DataFolder, a_public_url_is_https_and_a_host) {
  for (const char* good : {"https://rb.example", "https://127.0.0.1:8443", "https://[::1]:8443"}) {
    EXPECT_TRUE(host_of_public_url(good).ok()) << good;
  }
  for (const char* bad : {"", "rb.example", "http://rb.example", "https://rb.example/",
                          "https://rb.example/x", "https://"}) {
    EXPECT_FALSE(host_of_public_url(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace reachback::server
