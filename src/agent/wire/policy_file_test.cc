#include "agent/wire/policy_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/command/fetch_file.h"
#include "agent/os_linux/test_support.h"
#include "base/bytes.h"
#include "json/json.h"

namespace reachback::data {
extern const std::string_view agent_limits_json;  // api/limits.json
}

namespace reachback::agent {
namespace {

TEST(Limits, OfTheReaderAreThoseOfTheTable) {
  auto table = json::parse(data::agent_limits_json);
  ASSERT_TRUE(table.ok());
  std::int64_t found = 0;
  for (const auto& limit : table->as_object().at("limits").as_array()) {
    if (limit.as_object().at("name").as_string() == "agent_disk_reserve") {
      found = limit.as_object().at("2026").to_number<std::int64_t>();
    }
  }
  EXPECT_EQ(static_cast<std::uint64_t>(found), kDiskReserveBytes);
}

TEST(PolicyFile, SaysAllThatCanBeSaid) {
  const auto key = crypto::Ed25519PrivateKey::generate().public_key();
  const std::string text = R"(
commands = ["RunScript", "GetFile"]
quiet_hours = ["22:00-06:00", "Sat-Mon,Wed 00:00-24:00"]
network_user = "nobody"
[scripts]
allow_sha256 = [")" + std::string(64, 'a') +
                           R"("]
deny_sha256 = [")" + std::string(64, 'b') +
                           R"("]
require_signature = true
signing_keys = [")" + to_base64(key.spki()) +
                           R"("]
[get_file]
read_roots = ["/var/log/", "/"]
[limits]
memory_max = "512MiB"
processes_max = 64
cpu_weight = 10
)";
  auto file = parse_policy(text, "p.toml");
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Policy& p = file->policy;
  EXPECT_TRUE(p.run_script && p.get_file && !p.put_file && p.require_signature);
  EXPECT_EQ(p.source, "p.toml");
  EXPECT_EQ(p.allowed_sha256, std::set<std::string>{std::string(32, '\xaa')});
  EXPECT_EQ(p.denied_sha256, std::set<std::string>{std::string(32, '\xbb')});
  ASSERT_EQ(p.signing_keys.size(), 1u);
  EXPECT_EQ(p.signing_keys[0].spki(), key.spki());
  EXPECT_EQ(p.read_roots, (std::vector<std::string>{"/var/log", "/"}));
  ASSERT_EQ(p.quiet.size(), 2u);
  EXPECT_EQ(p.quiet[0].from, 22 * 60);
  EXPECT_EQ(p.quiet[0].to, 6 * 60);
  const bool days[] = {true, false, true, false, false, true, true};
  EXPECT_TRUE(std::equal(std::begin(days), std::end(days), p.quiet[1].days));
  EXPECT_EQ(p.quiet[1].to, 24 * 60);
  EXPECT_EQ(file->limits.memory_bytes_max, 512u << 20);
  EXPECT_EQ(file->limits.processes_max, 64u);
  EXPECT_EQ(file->limits.cpu_weight, 10u);
  EXPECT_EQ(file->network_user, "nobody");
}

TEST(PolicyFile, HasTheDefaultsOfTheLimitsFile) {
  auto file = parse_policy("", "p.toml");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->limits.memory_bytes_max, 2u << 30);
  EXPECT_EQ(file->limits.processes_max, 1024u);
  EXPECT_EQ(file->limits.cpu_weight, 50u);
}

TEST(PolicyFile, AllowsATerminalOnlyWhereItIsNamed) {
  EXPECT_FALSE(parse_policy("", "p.toml")->policy.terminal);
  EXPECT_FALSE(parse_policy("commands = [\"RunScript\"]", "p.toml")->policy.terminal);
  const auto named = parse_policy("commands = [\"Terminal\"]", "p.toml");
  ASSERT_TRUE(named.ok()) << named.error().message;
  EXPECT_TRUE(named->policy.terminal);
  EXPECT_FALSE(named->policy.run_script);
  EXPECT_FALSE(named->policy.collect);
  EXPECT_TRUE(parse_policy("", "p.toml")->policy.collect);
}

TEST(PolicyFile, IsRefusedWithTheLineOfWhatIsWrong) {
  const std::pair<std::string, const char*> rows[] = {
      {"\ncommand = []", "p.toml:2: unknown key 'command'"},
      {"[scripts]\nrequire_signatures = true",
       "p.toml:2: unknown key 'scripts.require_signatures'"},
      {"[script]", "p.toml:1: unknown key 'script'"},
      {"commands = \"RunScript\"", "p.toml:1: commands is not a list of strings"},
      {"commands = [\"Isolate\"]", "p.toml:1: commands holds 'Isolate'"},
      {"commands = [\"Terminal\"]\n[get_file]\nread_roots = [\"/var\"]", "bound neither by"},
      {"commands = [\"Terminal\"]\n[scripts]\ndeny_sha256 = [\"" + std::string(64, 'a') + "\"]",
       "bound neither by"},
      {"[scripts]\nrequire_signature = 1", "p.toml:2: scripts.require_signature is not true"},
      {"[scripts]\nallow_sha256 = [\"AB\"]", "p.toml:2: scripts.allow_sha256 holds 'AB'"},
      {"[scripts]\nsigning_keys = [\"xx\"]", "p.toml:2: scripts.signing_keys holds 'xx'"},
      {"[scripts]\nrequire_signature = true", "nothing could run"},
      {"quiet_hours = [\"25:00-06:00\"]", "p.toml:1: quiet_hours '25:00-06:00' is not like"},
      {"quiet_hours = [\"06:00-06:00\"]", "is not like"},
      {"quiet_hours = [\"Mo 06:00-07:00\"]", "is not like"},
      {"quiet_hours = [\"06:00\"]", "is not like"},
      {"[get_file]\nread_roots = [\"var\"]", "p.toml:2: get_file.read_roots holds 'var'"},
      {"[get_file]\nread_roots = [\"/a/../b\"]", "not an absolute path"},
      {"[limits]\nmemory_max = \"2GB\"", "p.toml:2: limits.memory_max '2GB' is not an amount"},
      {"[limits]\nmemory_max = \"1MiB\"", "at least 16MiB"},
      {"[limits]\nprocesses_max = 0", "from 8 to"},
      {"[limits]\ncpu_weight = 10001", "from 1 to 10000"},
      {"a = ", "p.toml:1: "},
  };
  for (const auto& [text, says] : rows) {
    auto file = parse_policy(text, "p.toml");
    ASSERT_FALSE(file.ok()) << text;
    EXPECT_NE(file.error().message.find(says), std::string::npos) << file.error().message;
  }
}

TEST(PolicyFile, IsBelievedOnlyWhereNobodyElseCanHaveWrittenIt) {
  TestFolder folder;
  const std::string path = folder.file("policy.toml");
  const auto load = [&] { return load_policy(folder.path()); };
  ASSERT_TRUE(write_file_durably(path, "commands = []\n", 0644).ok());
  auto good = load();
  ASSERT_TRUE(good.ok()) << good.error().message;
  EXPECT_FALSE(good->policy.run_script);
  EXPECT_EQ(good->policy.source, path);
  for (const mode_t mode : {0666, 0664, 0646}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_FALSE(load().ok());
  }
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path.c_str(), 12345, 0), 0);
    EXPECT_FALSE(load().ok());
    ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  }
  ASSERT_EQ(::rename(path.c_str(), folder.file("other").c_str()), 0);
  ASSERT_EQ(::symlink(folder.file("other").c_str(), path.c_str()), 0);
  EXPECT_FALSE(load().ok()) << "a link";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0644), 0);
  EXPECT_FALSE(load().ok()) << "a pipe, and it does not wait";
}

}  // namespace
}  // namespace reachback::agent
