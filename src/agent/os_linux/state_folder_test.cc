#include "agent/os_linux/state_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/os_linux/machine.h"
#include "agent/os_linux/test_support.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {

TEST(StateFolder, IsMadePrivate) {
  TestFolder folder;
  const std::string state = folder.file("a/b/state");
  ASSERT_TRUE(make_state_folder(state).ok());
  struct stat status{};
  ASSERT_EQ(::stat(state.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  EXPECT_TRUE(check_state_folder(state).ok());
  EXPECT_TRUE(check_state_folder(state + "/").ok());
}

TEST(StateFolder, RefusesHostileLayouts) {
  struct Row {
    const char* what;
    std::function<void(const std::string&)> make;
    const char* says;
  };
  const Row rows[] = {
      {"a link",
       [](auto& s) {
         ::mkdir((s + "-real").c_str(), 0700);
         EXPECT_EQ(::symlink((s + "-real").c_str(), s.c_str()), 0);
       },
       "symbolic link"},
      {"a dangling link", [](auto& s) { EXPECT_EQ(::symlink("/nowhere", s.c_str()), 0); },
       "symbolic link"},
      {"a file", [](auto& s) { EXPECT_TRUE(write_file_durably(s, "x").ok()); }, "not a folder"},
      {"others read",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         ::chmod(s.c_str(), 0755);
       },
       "not private"},
      {"group writes",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         ::chmod(s.c_str(), 0770);
       },
       "not private"},
      {"world writes",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         ::chmod(s.c_str(), 0777);
       },
       "not private"},
      {"the key is a link",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         EXPECT_EQ(::symlink("/etc/passwd", (s + "/key.pem").c_str()), 0);
       },
       "key.pem: is a symbolic link"},
      {"the journal is a link",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         EXPECT_EQ(::symlink("/dev/null", (s + "/journal").c_str()), 0);
       },
       "journal: is a symbolic link"},
      {"the spool is a link",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         EXPECT_EQ(::symlink("/tmp", (s + "/spool").c_str()), 0);
       },
       "spool: is a symbolic link"},
      {"others write agent.json",
       [](auto& s) {
         ::mkdir(s.c_str(), 0700);
         EXPECT_TRUE(write_file_durably(s + "/agent.json", "{}").ok());
         ::chmod((s + "/agent.json").c_str(), 0666);
       },
       "others may write it"},
  };
  for (const Row& row : rows) {
    TestFolder folder;
    const std::string state = folder.file("state");
    row.make(state);
    for (auto result : {check_state_folder(state), make_state_folder(state)}) {
      ASSERT_FALSE(result.ok()) << row.what;
      EXPECT_EQ(result.error().code, Errc::forbidden) << row.what;
      EXPECT_NE(result.error().message.find(row.says), std::string::npos) << result.error().message;
    }
  }
}

TEST(StateFolder, RefusesAFolderOfSomebodyElse) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a folder away";
  }
  TestFolder folder;
  const std::string state = folder.file("state");
  ::mkdir(state.c_str(), 0700);
  ASSERT_EQ(::chown(state.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(check_state_folder(state).ok());
}

TEST(StateFolder, IsUsedByOneAgentAtATime) {
  TestFolder folder;
  auto first = lock_state_folder(folder.path());
  ASSERT_TRUE(first.ok());
  auto second = lock_state_folder(folder.path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::already_active);
  first->reset();
  EXPECT_TRUE(lock_state_folder(folder.path()).ok());
}

TEST(Machine, SaysWhatAHelloMayCarry) {
  auto body = read_machine_facts();
  EXPECT_FALSE(body.host_name().empty());
  EXPECT_FALSE(body.os_platform().empty());
  EXPECT_FALSE(body.os_architecture().empty());
  body.set_public_key("k");
  body.set_generation(std::string(16, 'g'));
  body.set_nonce(std::string(16, 'n'));
  auto boot = read_boot_id();
  ASSERT_TRUE(boot.ok()) << boot.error().message;
  body.set_boot(std::string(boot->bytes()));
  auto decoded = protocol::decode_hello_body(body.SerializeAsString());
  EXPECT_TRUE(decoded.ok()) << decoded.error().message;
}

}  // namespace
}  // namespace reachback::agent
