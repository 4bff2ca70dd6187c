#include "server/wire/config.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/file.h"
#include "protocol/codec.h"
#include "server/blob_fs/blob_folder.h"
#include "server/link/agent_session.h"
#include "server/service/live_response.h"
#include "server/wire/webhook_reader.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

// An upload link never promises what the store then refuses.
TEST(Config, the_sizes_of_an_upload_are_one) {
  auto limits = rest::Limits::load();
  ASSERT_TRUE(limits.ok());
  for (auto profile : {rest::Profile::y2021, rest::Profile::y2025, rest::Profile::y2026}) {
    EXPECT_EQ(limits->value(profile, "upload_bytes"), LiveResponseLimits().upload_bytes_max);
    EXPECT_EQ(limits->value(profile, "upload_bytes"), BlobLimits().blob_bytes_max);
    EXPECT_EQ(limits->value(profile, "agent_message_burst"), SessionLimits().message_burst);
    EXPECT_EQ(limits->value(profile, "agent_messages_per_second"),
              static_cast<std::uint64_t>(SessionLimits().messages_per_second));
    EXPECT_EQ(limits->value(profile, "agent_throttles"), SessionLimits().throttles_max);
    EXPECT_EQ(limits->value(profile, "args_bytes"), protocol::kArgsBytesMax);
    EXPECT_EQ(limits->value(profile, "commands"), protocol::kCommandsMax);
  }
  EXPECT_LE(BlobLimits().blob_bytes_max, BlobLimits().blocks_max * (std::uint64_t{4} << 20))
      << "the agent sends blocks of 4 MiB";
}

TEST(Config, an_empty_file_is_the_defaults) {
  auto c = parse_config("", "f.toml");
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(c->profile, rest::Profile::y2026);
  EXPECT_TRUE(c->limits_enabled);
  EXPECT_FALSE(c->assertion_reuse);
  EXPECT_FALSE(c->get_file_raw);
  EXPECT_FALSE(c->put_file_kept);
}

TEST(Config, every_documented_key_is_read) {
  auto c = parse_config(R"(
profile = "2025"
strict = true
alias_hosts = ["api.securitycenter.microsoft.com"]
read_all_results = true
[limits]
enabled = false
rate_factor = 10
[sign_in]
assertion_reuse = true
[get_file]
wire_form = "raw"
[put_file]
kept_until = "restart"
[server]
threads = 3
strangers_per_address = 7
strangers = 0
[audit]
export = "file:/var/log/heads"
every = "10s"
[console]
folder = "/opt/console"
[live_response]
queue_time = "3d"
script_timeout = "2s"
cancel_wait = "500ms"
output_bytes_max = 1000
[[issuers]]
issuer = "https://login.example/t"
audiences = ["api://reachback"]
jwks_file = "/etc/keys.json"
[[issuers]]
issuer = "https://other.example"
audiences = ["a", "b"]
)",
                        "f.toml");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->profile, rest::Profile::y2025);
  EXPECT_TRUE(c->strict);
  EXPECT_EQ(c->alias_hosts, std::vector<std::string>{"api.securitycenter.microsoft.com"});
  EXPECT_FALSE(c->limits_enabled);
  EXPECT_EQ(c->rate_factor, 10u);
  EXPECT_TRUE(c->assertion_reuse);
  EXPECT_TRUE(c->get_file_raw);
  EXPECT_TRUE(c->put_file_kept);
  EXPECT_EQ(c->threads, 3u);
  EXPECT_EQ(c->strangers_per_address, 7u);
  EXPECT_EQ(c->strangers, 0u);
  EXPECT_EQ(c->audit_export.kind, HeadTarget::Kind::file);
  EXPECT_EQ(c->audit_export.path, "/var/log/heads");
  EXPECT_EQ(c->audit_every, std::chrono::seconds(10));
  EXPECT_EQ(c->console_folder, "/opt/console");
  EXPECT_EQ(c->queue_time, std::chrono::hours(72));
  EXPECT_EQ(c->script_timeout, std::chrono::seconds(2));
  EXPECT_EQ(c->cancel_wait, std::chrono::milliseconds(500));
  EXPECT_EQ(c->output_bytes_max, 1000u);
  ASSERT_EQ(c->issuers.size(), 2u);
  EXPECT_EQ(c->issuers[0].jwks_file, "/etc/keys.json");
}

TEST(Config, mistakes_are_told_with_file_line_and_key) {
  const std::pair<const char*, const char*> cases[] = {
      {"profil = \"2026\"", "f.toml:1: unknown key 'profil'"},
      {"\n[limits]\nenable = true", "f.toml:3: unknown key 'limits.enable'"},
      {"profile = \"2024\"", "f.toml:1: profile is '2024'"},
      {"strict = 1", "f.toml:1: strict is not true or false"},
      {"[server]\nthreads = 0", "f.toml:2: server.threads is not a whole"},
      {"[live_response]\nqueue_time = \"soon\"", "f.toml:2: live_response.queue_time"},
      {"[[issuers]]\nissuer = \"x\"", "issuers needs issuer and audiences"},
      {"[console]\nfolder = \"dist\"", "f.toml:2: console.folder is 'dist'"},
      {"profile = ", "f.toml:1: "},
      {"limits = 1", "f.toml:1: limits is not a table"},
  };
  for (const auto& [text, wanted] : cases) {
    auto c = parse_config(text, "f.toml");
    ASSERT_FALSE(c.ok()) << text;
    EXPECT_EQ(c.error().code, Errc::invalid_input);
    EXPECT_NE(c.error().message.find(std::string(wanted).substr(0, 30)), std::string::npos)
        << c.error().message;
  }
}

const std::string kHook =
    "[[webhooks]]\nname = \"soar\"\nurl = \"https://soar.example/in\"\nsecret_file = \"/s\"\n";

TEST(Config, a_webhook_is_read) {
  auto c = parse_config(kHook +
                            "[[webhooks]]\nname = \"chat\"\nurl = \"https://chat.example:8443\"\n"
                            "secret_file = \"/t\"\nca_file = \"/ca\"\nallow_private = true\n"
                            "events = [\"machine.online\"]\n",
                        "f.toml");
  ASSERT_TRUE(c.ok()) << c.error().message;
  ASSERT_EQ(c->webhooks.size(), 2u);
  EXPECT_EQ(c->webhooks[0].events,
            (std::vector<std::string>{"action.completed", "machine.online"}));
  EXPECT_FALSE(c->webhooks[0].allow_private);
  EXPECT_EQ(c->webhooks[1].events, std::vector<std::string>{"machine.online"});
  EXPECT_TRUE(c->webhooks[1].allow_private);
  EXPECT_EQ(c->webhooks[1].ca_file, "/ca");
}

TEST(Config, what_is_wrong_with_a_webhook_is_named) {
  std::string many;
  for (int i = 0; i < 17; ++i) {
    many += "[[webhooks]]\nname = \"h" + std::to_string(i) +
            "\"\nurl = \"https://h.example\"\nsecret_file = \"/s\"\n";
  }
  const std::pair<std::string, const char*> cases[] = {
      {kHook + "evnts = []", "f.toml:5: unknown key 'webhooks.evnts'"},
      {kHook + "events = [\"action.begun\"]", "f.toml:5: webhooks.events names 'action.begun'"},
      {kHook + "events = []", "f.toml:5: webhooks.events is empty"},
      {kHook + "ca_file = \"ca.pem\"", "f.toml:5: webhooks.ca_file is 'ca.pem'"},
      {kHook + kHook, "f.toml:5: webhooks has the name 'soar' twice"},
      {many, "webhooks has one too many"},
      {"[[webhooks]]\nname = \"soar\"", "webhooks needs name, url and secret_file"},
      {"[[webhooks]]\nname = \"SOAR\"", "f.toml:2: webhooks.name is 'SOAR'"},
      {"[[webhooks]]\nurl = \"http://soar.example\"", "f.toml:2: webhooks.url is 'http://"},
      {"webhooks = 1", "f.toml:1: webhooks is not a list"},
  };
  for (const auto& [text, wanted] : cases) {
    auto c = parse_config(text, "f.toml");
    ASSERT_FALSE(c.ok()) << text;
    EXPECT_NE(c.error().message.find(wanted), std::string::npos) << c.error().message;
  }
}

TEST(Config, a_webhooks_secret_is_bytes_and_never_shown) {
  testing::TemporaryFolder folder;
  const std::string path = folder / "secret";
  const std::string bytes(32, 'k');
  ASSERT_TRUE(write_file_durably(path, "whsec_" + to_base64(bytes) + " \r\n", 0600).ok());
  EXPECT_EQ(*read_webhook_secret(path), bytes);
  for (const std::string& bad :
       {std::string(), to_base64(bytes), "whsec_" + to_base64("short"), std::string("whsec_!!!"),
        "whsec_" + to_base64(std::string(65, 'k'))}) {
    ASSERT_TRUE(write_file_durably(path, bad, 0600).ok());
    auto refused = read_webhook_secret(path);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_NE(refused.error().message.find(path), std::string::npos);
    EXPECT_TRUE(bad.empty() || refused.error().message.find(bad) == std::string::npos);
  }
  EXPECT_FALSE(read_webhook_secret(folder / "none").ok());
}

TEST(Config, times_have_a_unit) {
  EXPECT_EQ(*parse_duration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(*parse_duration("7d"), std::chrono::hours(168));
  for (const char* bad :
       {"", "5", "s", "-1s", "0s", "1.5h", "1 h", "99999999999999999999s", "1w"}) {
    EXPECT_FALSE(parse_duration(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace reachback::server
