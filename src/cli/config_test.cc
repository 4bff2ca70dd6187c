#include "cli/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "base/file.h"

namespace reachback::cli {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "reachback-config-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    home_ = pattern;
    variables_["HOME"] = home_;
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  void set_all() {
    variables_["REACHBACK_URL"] = "https://rb.example:8443/";
    variables_["REACHBACK_TENANT"] = "t";
    variables_["REACHBACK_CLIENT_ID"] = "id";
    variables_["REACHBACK_CLIENT_SECRET"] = "secret-of-the-environment";
    variables_["REACHBACK_CA"] = "/ca.pem";
  }
  void write(const std::string& text, mode_t mode = 0600) {
    std::string folder = home_ + "/.config/reachback";
    std::filesystem::create_directories(folder);
    path_ = folder + "/config.toml";
    ASSERT_TRUE(write_file_durably(path_, text, mode).ok());
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  Result<Config> load() {
    return load_config([this](const char* name) -> std::optional<std::string> {
      auto at = variables_.find(name);
      return at == variables_.end() ? std::nullopt : std::optional<std::string>(at->second);
    });
  }
  std::string refusal() {
    auto config = load();
    EXPECT_FALSE(config.ok());
    return config.ok() ? "" : config.error().message;
  }

  std::string home_, path_;
  std::map<std::string, std::string> variables_;
};

constexpr const char* kFile = R"(# who
url = "https://file.example"
tenant = "file-tenant"
client_id = "file-id"
client_secret = "secret-of-the-file"
ca = "/file/ca.pem"
)";

TEST_F(ConfigTest, the_environment_is_enough) {
  set_all();
  auto config = load();
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->url, "https://rb.example:8443");
  EXPECT_EQ(config->tenant, "t");
  EXPECT_EQ(config->client_id, "id");
  EXPECT_EQ(config->client_secret.reveal(), "secret-of-the-environment");
  EXPECT_EQ(config->ca, "/ca.pem");
  EXPECT_TRUE(config->warnings.empty());
}

TEST_F(ConfigTest, the_file_is_enough_and_the_environment_wins_key_by_key) {
  write(kFile);
  auto config = load();
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->url, "https://file.example");
  EXPECT_EQ(config->client_secret.reveal(), "secret-of-the-file");
  variables_["REACHBACK_TENANT"] = "mine";
  EXPECT_EQ(load()->tenant, "mine");
  EXPECT_EQ(load()->client_id, "file-id");
}

TEST_F(ConfigTest, a_missing_key_is_named_with_both_its_names) {
  set_all();
  for (const char* name :
       {"REACHBACK_URL", "REACHBACK_TENANT", "REACHBACK_CLIENT_ID", "REACHBACK_CLIENT_SECRET"}) {
    auto kept = variables_;
    variables_.erase(name);
    EXPECT_NE(refusal().find(name), std::string::npos);
    variables_ = kept;
  }
}

TEST_F(ConfigTest, an_unknown_key_is_refused_with_its_line) {
  write(std::string(kFile) + "clientid = \"x\"\n");
  std::string message = refusal();
  EXPECT_NE(message.find("line 7"), std::string::npos) << message;
  EXPECT_NE(message.find("clientid"), std::string::npos);
  write("[server]\nurl = \"https://x\"\n");
  EXPECT_NE(refusal().find("unknown key 'server'"), std::string::npos);
}

TEST_F(ConfigTest, a_value_that_is_no_string_is_refused_with_its_line) {
  write("tenant = 7\n");
  EXPECT_NE(refusal().find("line 1: 'tenant' is not a string"), std::string::npos);
}

TEST_F(ConfigTest, broken_toml_is_refused_with_its_line_and_without_its_content) {
  write("tenant = \"x\"\nclient_secret = hunter2\n");
  std::string message = refusal();
  EXPECT_NE(message.find("line 2"), std::string::npos) << message;
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
}

TEST_F(ConfigTest, a_secret_that_others_can_read_is_warned_about) {
  write(kFile, 0644);
  auto config = load();
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->warnings.size(), 1u);
  EXPECT_NE(config->warnings[0].find("chmod 600"), std::string::npos);
  write("url = \"https://file.example\"\n", 0644);
  set_all();
  EXPECT_TRUE(load()->warnings.empty());
}

TEST_F(ConfigTest, urls_that_are_not_an_origin_are_refused) {
  set_all();
  for (const char* url :
       {"rb.example", "ftp://rb.example", "https://", "https://rb.example/api",
        "https://rb.example/?x=1", "https://rb.example#x", "https://user:pw@rb.example",
        "http://rb.example", "http://127.0.0.1.example", "https://rb.example:99999"}) {
    variables_["REACHBACK_URL"] = url;
    EXPECT_NE(refusal().find("REACHBACK_URL"), std::string::npos) << url;
  }
  variables_["REACHBACK_URL"] = "http://127.0.0.1:8080";
  EXPECT_TRUE(load().ok());
}

}  // namespace
}  // namespace reachback::cli
