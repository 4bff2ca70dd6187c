#include "server/wire/token_keyring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "crypto/random.h"
#include "json/json.h"
#include "server/wire/admin.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class TokenKeyringTest : public ::testing::Test {
 protected:
  TokenKeyringTest() {
    EXPECT_TRUE(write_file_durably(path("token-signing.pem"), generate_signing_key()).ok());
    keyring_ = open();
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::unique_ptr<TokenKeyring> open() const {
    auto opened = TokenKeyring::open(folder_.path());
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return std::move(opened).value();
  }
  Errc refusal() const {
    auto opened = TokenKeyring::open(folder_.path());
    if (opened.ok()) {
      return Errc::internal;
    }
    EXPECT_NE(opened.error().message.find(folder_.path()), std::string::npos);
    return opened.error().code;
  }
  Timestamp now() const { return clock_.now(); }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  std::unique_ptr<TokenKeyring> keyring_;
};

TEST_F(TokenKeyringTest, a_folder_of_before_has_one_key_that_signs) {
  ASSERT_EQ(keyring_->keys().size(), 1u);
  const TokenKeyInfo key = keyring_->keys()[0];
  EXPECT_EQ(key.id.size(), 16u);
  EXPECT_EQ(key.kid, keyring_->signing_keys()[0].kid());
  EXPECT_EQ(key.algorithm, Algorithm::es256);
  EXPECT_FALSE(key.since || key.until);
  EXPECT_FALSE(path_exists(path("token-keys.json")));
}

TEST_F(TokenKeyringTest, the_newest_key_signs_and_the_others_stay_after_a_restart_too) {
  const std::string first = keyring_->keys()[0].id;
  auto second = keyring_->add(Algorithm::rs256, now());
  ASSERT_TRUE(second.ok()) << second.error().message;
  clock_.advance(hours(1));
  auto third = keyring_->add(Algorithm::es256, now());
  ASSERT_TRUE(third.ok());
  const auto again = open();
  for (const TokenKeyring* keyring : {keyring_.get(), again.get()}) {
    auto keys = keyring->keys();
    ASSERT_EQ(keys.size(), 3u);
    EXPECT_EQ(keys[0].id, first);
    EXPECT_EQ(keys[1].id, *second);
    EXPECT_EQ(keys[2].id, *third);
    EXPECT_EQ(keys[1].algorithm, Algorithm::rs256);
    EXPECT_EQ(keys[0].until, now() - hours(1));
    EXPECT_EQ(keys[1].since, now() - hours(1));
    EXPECT_EQ(keys[1].until, now());
    EXPECT_EQ(keys[2].since, now());
    EXPECT_FALSE(keys[2].until.has_value());
    auto signing = keyring->signing_keys();
    ASSERT_EQ(signing.size(), 3u);
    EXPECT_EQ(signing[0].kid(), keys[2].kid);
    EXPECT_EQ(signing[2].kid(), keys[0].kid);
    EXPECT_EQ(signing[1].sign("m").size(), 3072u / 8);
  }
}

TEST_F(TokenKeyringTest, only_its_owner_reads_a_key) {
  ASSERT_TRUE(keyring_->add(Algorithm::es256, now()).ok());
  for (const std::string& name :
       {"token-" + keyring_->keys()[1].id + ".pem", std::string("token-keys.json")}) {
    struct stat found{};
    ASSERT_EQ(::stat(path(name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777u, 0600u) << name;
  }
}

TEST_F(TokenKeyringTest, the_key_that_signs_and_one_whose_tokens_may_be_around_stay) {
  const std::string first = keyring_->keys()[0].id;
  EXPECT_EQ(keyring_->retire("nobody", now(), /*force=*/true).error().code, Errc::not_found);
  auto only = keyring_->retire(first, now(), /*force=*/true);
  ASSERT_FALSE(only.ok());
  EXPECT_EQ(only.error().code, Errc::conflict);
  EXPECT_NE(only.error().message.find("signs"), std::string::npos);
  const std::string second = keyring_->add(Algorithm::es256, now()).value();
  clock_.advance(std::chrono::seconds(3598));
  auto early = keyring_->retire(first, now(), /*force=*/false);
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, Errc::conflict);
  EXPECT_NE(early.error().message.find("--force"), std::string::npos);
  EXPECT_EQ(keyring_->keys().size(), 2u);
  clock_.advance(std::chrono::seconds(1));
  ASSERT_TRUE(keyring_->retire(first, now(), /*force=*/false).ok());
  ASSERT_EQ(open()->keys().size(), 1u);
  EXPECT_EQ(open()->keys()[0].id, second);
  EXPECT_FALSE(path_exists(path("token-signing.pem")));
}

TEST_F(TokenKeyringTest, by_force_a_key_goes_at_once) {
  const std::string first = keyring_->keys()[0].id;
  ASSERT_TRUE(keyring_->add(Algorithm::es256, now()).ok());
  ASSERT_TRUE(keyring_->retire(first, now(), /*force=*/true).ok());
  EXPECT_EQ(keyring_->signing_keys().size(), 1u);
  EXPECT_EQ(open()->signing_keys()[0].kid(), keyring_->signing_keys()[0].kid());
}

// Each key counts its hour from when it stopped signing, whichever keys came and went since.
TEST_F(TokenKeyringTest, a_key_between_two_others_has_its_own_hour) {
  const std::string second = keyring_->add(Algorithm::es256, now()).value();
  clock_.advance(minutes(30));
  ASSERT_TRUE(keyring_->add(Algorithm::es256, now()).ok());
  clock_.advance(minutes(40));
  EXPECT_FALSE(keyring_->retire(second, now(), /*force=*/false).ok());
  EXPECT_TRUE(keyring_->retire(keyring_->keys()[0].id, now(), /*force=*/false).ok());
  clock_.advance(minutes(20));
  EXPECT_TRUE(open()->retire(second, now(), /*force=*/false).ok());
}

TEST_F(TokenKeyringTest, there_are_at_most_eight) {
  for (std::size_t i = 1; i < kTokenKeysMax; ++i) {
    ASSERT_TRUE(keyring_->add(Algorithm::es256, now()).ok());
  }
  EXPECT_EQ(keyring_->add(Algorithm::es256, now()).error().code, Errc::conflict);
  EXPECT_EQ(open()->keys().size(), kTokenKeysMax);
}

// A crash between the two writes of add() leaves a key that nothing names.
TEST_F(TokenKeyringTest, a_file_that_no_list_names_is_no_key) {
  ASSERT_TRUE(write_file_durably(path("token-00.pem"), generate_signing_key()).ok());
  EXPECT_EQ(open()->keys().size(), 1u);
}

TEST_F(TokenKeyringTest, what_cannot_be_read_is_refused_and_named) {
  const std::string entry = R"({"file":"token-signing.pem"})";
  const std::string old = R"({"file":"token-signing.pem","until":"2026-01-01T00:00:00Z"})";
  for (const std::string& text :
       {std::string(""), std::string("[]"), std::string("{}"), std::string(R"({"keys":[]})"),
        std::string(R"({"keys":[1]})"), std::string(R"({"keys":[{}]})"),
        R"({"keys":[)" + old + "]}",                  // none signs
        R"({"keys":[)" + entry + "," + entry + "]}",  // two sign
        std::string(R"({"keys":[{"file":"../token-signing.pem"}]})"),
        std::string(R"({"keys":[{"file":""}]})"), std::string(R"({"keys":[{"file":7}]})"),
        std::string(R"({"keys":[{"file":"token-signing.pem","since":"today"}]})"),
        std::string(R"({"keys":[{"file":"token-signing.pem","since":7}]})")}) {
    ASSERT_TRUE(write_file_durably(path("token-keys.json"), text).ok());
    EXPECT_EQ(refusal(), Errc::corrupt) << text;
  }
  ASSERT_TRUE(
      write_file_durably(path("token-keys.json"), R"({"keys":[{"file":"gone.pem"}]})").ok());
  EXPECT_EQ(refusal(), Errc::not_found);
  ASSERT_TRUE(write_file_durably(path("gone.pem"), "no key").ok());
  EXPECT_EQ(refusal(), Errc::invalid_input);
}

class AdminTokenKeysTest : public TokenKeyringTest {
 protected:
  AdminTokenKeysTest() {
    EXPECT_TRUE(testing::wait_for([&](auto d) {
                  stores_.apps().add_tenant(Tenant{TenantId::make(random_), "default"}, d);
                }).ok());
    deps_.token_keys = keyring_.get();
    deps_.audit = &audit_;
    deps_.on_token_keys_changed = [this] { ++changes_; };
  }
  json::Object ask(const json::Object& request) {
    return json::parse(administer(deps_, json::write(request)))->as_object();
  }
  std::string refusal(const json::Object& request) {
    json::Object answer = ask(request);
    return answer.contains("error") ? answer.at("error").as_string().c_str() : "";
  }

  crypto::SystemRandom random_;
  testing::FakeStores stores_;
  testing::FakeAudit audit_;
  AdminDeps deps_{stores_.apps(), clock_, random_};
  int changes_ = 0;
};

TEST_F(AdminTokenKeysTest, a_key_comes_and_goes_and_both_are_recorded) {
  const std::string first = keyring_->keys()[0].id;
  json::Object added = ask({{"command", "token_key_add"}, {"alg", "RS256"}});
  ASSERT_TRUE(added.contains("ok")) << json::write(added);
  const std::string second(added.at("ok").as_object().at("id").as_string());
  EXPECT_EQ(changes_, 1);
  EXPECT_NE(refusal({{"command", "token_key_retire"}, {"id", first}}).find("--force"),
            std::string::npos);
  EXPECT_EQ(changes_, 1);
  ASSERT_EQ(audit_.records.size(), 1u);
  EXPECT_EQ(audit_.records[0].kind, "token_key_added");
  EXPECT_EQ(audit_.records[0].object, second + " RS256");
  EXPECT_EQ(audit_.records[0].principal, "administrator");
  json::Array listed =
      ask({{"command", "token_key_list"}}).at("ok").as_object().at("keys").as_array();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(json::write(listed[1]),
            R"({"id":")" + second + R"(","kid":")" + keyring_->keys()[1].kid +
                R"(","alg":"RS256","signs":true,"since":"2026-01-01T00:00:00Z","until":null})");
  EXPECT_EQ(listed[0].as_object().at("signs"), false);
  EXPECT_EQ(refusal({{"command", "token_key_retire"}, {"id", first}, {"force", true}}), "");
  EXPECT_EQ(changes_, 2);
  ASSERT_EQ(audit_.records.size(), 2u);
  EXPECT_EQ(audit_.records[1].kind, "token_key_retired");
  EXPECT_EQ(audit_.records[1].object, first + ", by force");
}

TEST_F(AdminTokenKeysTest, without_an_algorithm_it_is_es256) {
  ASSERT_EQ(refusal({{"command", "token_key_add"}}), "");
  EXPECT_EQ(keyring_->keys()[1].algorithm, Algorithm::es256);
}

TEST_F(AdminTokenKeysTest, what_makes_no_sense_changes_nothing_and_is_named) {
  for (const char* alg : {"", "none", "HS256", "es256", "PS256", "RS512"}) {
    EXPECT_NE(refusal({{"command", "token_key_add"}, {"alg", alg}}).find("'" + std::string(alg)),
              std::string::npos);
  }
  EXPECT_NE(refusal({{"command", "token_key_add"}, {"alg", 7}}), "");
  EXPECT_NE(refusal({{"command", "token_key_retire"}, {"id", "../x"}}).find("'../x'"),
            std::string::npos);
  EXPECT_NE(refusal({{"command", "token_key_rotate"}}).find("token_key_rotate"), std::string::npos);
  EXPECT_EQ(changes_, 0);
  EXPECT_TRUE(audit_.records.empty());
  EXPECT_EQ(keyring_->keys().size(), 1u);
}

// A key that is gone from the disk must not be believed on, whatever the audit says.
TEST_F(AdminTokenKeysTest, a_retired_key_is_gone_even_when_the_audit_fails) {
  const std::string first = keyring_->keys()[0].id;
  ASSERT_EQ(refusal({{"command", "token_key_add"}}), "");
  audit_.fails = true;
  EXPECT_NE(refusal({{"command", "token_key_retire"}, {"id", first}, {"force", true}}), "");
  EXPECT_EQ(changes_, 2);
  EXPECT_EQ(keyring_->keys().size(), 1u);
}

}  // namespace
}  // namespace reachback::server
