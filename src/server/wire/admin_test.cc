#include "server/wire/admin.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "crypto/x509.h"
#include "json/json.h"
#include "server/wire/admin_socket.h"
#include "server/wire/data_folder.h"
#include "server/wire/revocations.h"
#include "testing/fake_links.h"
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

class AdminTrustTest : public AdminTest {
 protected:
  AdminTrustTest() {
    EXPECT_TRUE(write_file_durably(folder_ / "order-signing.pem",
                                   crypto::Ed25519PrivateKey::generate().pem())
                    .ok());
    keyring_ = std::move(*OrderKeyring::open(folder_ / ""));
    deps_.machines = &stores_.machines();
    deps_.keyring = keyring_.get();
    deps_.audit = &audit_;
    deps_.on_order_keys_changed = [this] { ++key_changes_; };
    deps_.on_machine_cleared = [this](const MachineId& id) { cleared_.push_back(id); };
    EnrollmentToken token;
    token.tenant = tenant_;
    token.token = crypto::sha256("token");
    token.expires = clock_.now() + std::chrono::hours(1);
    token.uses_left = 10;
    EXPECT_TRUE(testing::wait_for([&](auto d) { stores_.apps().add_token(token, d); }).ok());
  }
  MachineId enrolled(const std::string& name, bool in_quarantine) {
    Machine m;
    m.public_key = name;
    m.id = MachineId::from_key_digest(crypto::sha256(name));
    EXPECT_TRUE(testing::wait_for<Machine>([&](auto d) {
                  stores_.machines().enroll(crypto::sha256("token"), m, clock_.now(), d);
                }).ok());
    if (in_quarantine) {
      EXPECT_TRUE(testing::wait_for([&](auto d) {
                    stores_.machines().set_quarantine(tenant_, m.id,
                                                      Quarantine{clock_.now(), "two of them"}, d);
                  }).ok());
    }
    return m.id;
  }
  json::Object ask(json::Object request) {
    return json::parse(administer(deps_, json::write(request)))->as_object();
  }
  std::string refusal(json::Object request) {
    json::Object answer = ask(std::move(request));
    return answer.contains("error") ? answer.at("error").as_string().c_str() : "";
  }
  TempFolder folder_;
  testing::FakeAudit audit_;
  AdminDeps deps_{stores_.apps(), clock_, random_};
  std::unique_ptr<OrderKeyring> keyring_;
  int key_changes_ = 0;
  std::vector<MachineId> cleared_;
};

TEST_F(AdminTrustTest, a_machine_is_cleared_by_its_id_or_with_all_others) {
  MachineId one = enrolled("one", true);
  MachineId two = enrolled("two", true);
  enrolled("three", false);
  EXPECT_NE(refusal({{"command", "machine_clear"}, {"machine", "nonsense"}}), "");
  EXPECT_NE(refusal({{"command", "machine_clear"}, {"machine", std::string(40, 'a')}}), "");
  json::Object first = ask({{"command", "machine_clear"}, {"machine", one.text()}});
  EXPECT_EQ(first.at("ok").at("cleared").as_array().size(), 1u);
  EXPECT_EQ(cleared_, std::vector{one});
  json::Object all = ask({{"command", "machine_clear"}, {"machine", ""}, {"all", true}});
  EXPECT_EQ(all.at("ok").at("cleared").as_array().size(), 1u);
  EXPECT_EQ(cleared_, (std::vector{one, two}));
  ASSERT_EQ(audit_.records.size(), 2u);
  EXPECT_EQ(audit_.records[0].kind, "machine_cleared");
  EXPECT_EQ(audit_.records[0].object, one.text() + ": two of them");
}

TEST_F(AdminTrustTest, a_key_that_a_machine_needs_is_not_retired) {
  MachineId machine = enrolled("one", false);
  const std::string old_key = keyring_->keys()[0].id;
  EXPECT_NE(refusal({{"command", "signing_key_retire"}, {"id", old_key}}), "") << "the only one";
  std::string added = ask({{"command", "signing_key_add"}}).at("ok").at("id").as_string().c_str();
  EXPECT_EQ(key_changes_, 1);
  EXPECT_NE(refusal({{"command", "signing_key_retire"}, {"id", old_key}}).find("1 machines"),
            std::string::npos);
  json::Object list = ask({{"command", "signing_key_list"}}).at("ok").as_object();
  EXPECT_EQ(list.at("version").to_number<int>(), 2);
  EXPECT_EQ(list.at("keys").at(1).at("machinesWithoutIt").to_number<int>(), 1);
  EXPECT_TRUE(testing::wait_for([&](auto d) {
                stores_.machines().order_keys_kept(tenant_, machine, 2, d);
              }).ok());
  EXPECT_EQ(refusal({{"command", "signing_key_retire"}, {"id", old_key}}), "");
  EXPECT_EQ(key_changes_, 2);
  EXPECT_EQ(keyring_->keys().size(), 1u);
  EXPECT_EQ(keyring_->keys()[0].id, added);
  EXPECT_EQ(audit_.records.back().kind, "signing_key_retired");
}

TEST_F(AdminTrustTest, a_needed_key_is_retired_by_force_and_the_left_out_are_counted) {
  enrolled("one", false);
  const std::string old_key = keyring_->keys()[0].id;
  ask({{"command", "signing_key_add"}});
  json::Object done = ask({{"command", "signing_key_retire"}, {"id", old_key}, {"force", true}});
  EXPECT_EQ(done.at("ok").at("leftOut").to_number<int>(), 1);
}

TEST_F(AdminTrustTest, keys_of_another_process_are_not_changed_here) {
  deps_.keyring = nullptr;
  EXPECT_NE(refusal({{"command", "signing_key_add"}}).find("--keys"), std::string::npos);
}

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

TEST_F(AdminTest, an_application_may_have_certificates_and_no_secret) {
  json::Object made = ask({{"command", "app_create"},
                           {"name", "soar"},
                           {"roles", json::Array{"Machine.LiveResponse"}},
                           {"noSecret", true}})
                          .at("ok")
                          .as_object();
  EXPECT_FALSE(made.contains("clientSecret"));
  const std::string id = made.at("clientId").as_string().c_str();
  std::string pem = crypto::make_ca("soar", clock_.now())->certificate;
  json::Object add{{"command", "app_certificate_add"}, {"clientId", id}, {"pem", pem}};
  json::Object added = ask(add).at("ok").as_object();
  EXPECT_EQ(added.at("subject").as_string(), "CN=soar");
  EXPECT_NE(refusal(add).find("has this certificate"), std::string::npos);
  json::Object list{{"command", "app_certificate_list"}, {"clientId", id}};
  EXPECT_EQ(ask(list).at("ok").at("certificates"), json::Value(json::Array{added}));
  json::Object app = ask({{"command", "app_list"}}).at("ok").at("apps").at(0).as_object();
  EXPECT_EQ(app.at("hasSecret"), json::Value(false));
  EXPECT_EQ(app.at("certificates").to_number<int>(), 1);
  std::string sha1 = added.at("sha1").as_string().c_str(), shown;
  for (std::size_t i = 0; i < sha1.size(); ++i) {
    shown += (i > 0 && i % 2 == 0 ? ":" : "");
    shown += static_cast<char>(::toupper(sha1[i]));
  }
  json::Object remove{
      {"command", "app_certificate_remove"}, {"clientId", id}, {"thumbprint", shown}};
  EXPECT_EQ(ask(remove).at("ok").at("thumbprint"), added.at("thumbprint"));
  EXPECT_NE(refusal(remove).find("has no certificate '" + shown), std::string::npos);
  EXPECT_TRUE(ask(list).at("ok").at("certificates").as_array().empty());
  // A certificate that is over, one that is none, and an application that is not there.
  add["pem"] = crypto::make_ca("old", clock_.now() - std::chrono::hours(24 * 3651))->certificate;
  EXPECT_NE(refusal(add).find("it expired at"), std::string::npos);
  add["pem"] = "x";
  EXPECT_NE(refusal(add).find("certificate: 0 of them"), std::string::npos);
  add["clientId"] = AppId::make(random_).text();
  EXPECT_NE(refusal(add).find("no application has the client id"), std::string::npos);
}

TEST_F(AdminTest, an_application_has_ten_certificates_at_most) {
  json::Object made = ask({{"command", "app_create"},
                           {"name", "soar"},
                           {"roles", json::Array{"Machine.LiveResponse"}}})
                          .at("ok")
                          .as_object();
  json::Object add{{"command", "app_certificate_add"}, {"clientId", made.at("clientId")}};
  for (int i = 0; i < 10; ++i) {
    add["pem"] = crypto::make_ca("soar", clock_.now())->certificate;
    EXPECT_EQ(refusal(add), "") << i;
  }
  add["pem"] = crypto::make_ca("soar", clock_.now())->certificate;
  EXPECT_NE(refusal(add).find("10 certificates"), std::string::npos);
}

TEST_F(AdminTest, call_rates_of_an_application_are_kept_and_told_to_who_counts) {
  std::vector<std::pair<std::string, std::uint32_t>> told;
  AdminDeps deps{stores_.apps(), clock_, random_};
  deps.on_app_limits = [&told](const TenantId&, const AppId& app, std::uint32_t factor) {
    told.emplace_back(app.text(), factor);
  };
  auto run = [&deps](json::Object request) {
    return json::parse(administer(deps, json::write(request)))->as_object();
  };
  json::Object made = run({{"command", "app_create"},
                           {"name", "soar"},
                           {"roles", json::Array{"Machine.LiveResponse"}}})
                          .at("ok")
                          .as_object();
  const std::string id = made.at("clientId").as_string().c_str();
  for (std::int64_t factor : {10, 0, 1'000'000}) {
    run({{"command", "app_limits"}, {"clientId", id}, {"rateFactor", factor}});
    auto app =
        testing::wait_for<App>([&](auto d) { stores_.apps().app(tenant_, *AppId::parse(id), d); });
    EXPECT_EQ(app->rate_factor, factor);
  }
  for (std::int64_t factor : {-1, 1'000'001}) {
    EXPECT_TRUE(run({{"command", "app_limits"}, {"clientId", id}, {"rateFactor", factor}})
                    .contains("error"));
  }
  EXPECT_TRUE(run({{"command", "app_limits"}, {"clientId", id}}).contains("error"));
  EXPECT_TRUE(
      run({{"command", "app_limits"}, {"clientId", AppId::make(random_).text()}, {"rateFactor", 2}})
          .contains("error"));
  run({{"command", "app_delete"}, {"clientId", id}});
  EXPECT_EQ(told, (std::vector<std::pair<std::string, std::uint32_t>>{
                      {id, 10}, {id, 0}, {id, 1'000'000}, {id, 1}}));
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
  EXPECT_NE(refusal({{"command", "app_create"}, {"name", "x"}}).find("roles"), std::string::npos);
  EXPECT_NE(refusal({{"command", "app_create"}, {"roles", json::Array{"Machine.LiveResponse"}}})
                .find("name: "),
            std::string::npos);
  EXPECT_NE(
      refusal({{"command", "enrollment_token_create"}, {"ttlSeconds", 0}}).find("ttlSeconds: "),
      std::string::npos);
  EXPECT_NE(refusal({{"command", "enrollment_token_create"}, {"uses", 0}}).find("uses: "),
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
