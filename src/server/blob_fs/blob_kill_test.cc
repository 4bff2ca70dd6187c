// The process is killed at each failpoint of a commit. Afterwards a blob is there whole, or not at
// all, and the same upload again ends well (trust.md §5.10.17).
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "server/blob_fs/blob_test_folder.h"

namespace reachback::server {
namespace {

constexpr const char* kFolder = "RB_BLOB_KILL_FOLDER";
const std::string kBytes(100'000, 'x');

// What the process does that is killed: one body, one blob of two blocks.
TEST(BlobKill, DISABLED_Child) {
  const char* folder = std::getenv(kFolder);
  ASSERT_NE(folder, nullptr);
  BlobBench bench(test_options(folder));
  ASSERT_TRUE(bench.put_block(test_key('2'), "1", kBytes).ok());
  ASSERT_TRUE(bench.put_block(test_key('2'), "2", "end").ok());
  ASSERT_TRUE(bench.put_blob(test_key('1'), kBytes).ok());
  ASSERT_TRUE(bench.commit(test_key('2'), {"1", "2"}).ok());
}

// Runs the child; true: it was killed.
bool run_child(const std::string& folder, const std::string& failpoint) {
  std::string variables[] = {std::string(kFolder) + "=" + folder,
                             "REACHBACK_FAILPOINT=" + failpoint,
                             // A killed child must not write the test run's report.
                             "GTEST_OUTPUT="};
  std::vector<char*> environment;
  for (auto& variable : variables) {
    environment.push_back(variable.data());
  }
  environment.push_back(nullptr);
  std::string arguments[] = {"/proc/self/exe", "--gtest_filter=BlobKill.DISABLED_Child",
                             "--gtest_also_run_disabled_tests", "--gtest_brief=1"};
  std::vector<char*> argv;
  for (auto& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  pid_t pid = 0;
  EXPECT_EQ(
      ::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, argv.data(), environment.data()), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    return true;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return false;
}

TEST(BlobKill, AtEveryFailpointTheBlobIsWholeOrAbsent) {
#ifndef REACHBACK_TEST_HOOKS
  GTEST_SKIP() << "built without failpoints";
#endif
  int kills = 0;
  for (const char* failpoint :
       {"server.blob.before_sync", "server.blob.after_rename", "server.blob.after_folder_sync"}) {
    for (int nth = 1; nth <= 2; ++nth) {  // 1: the body, 2: the block list
      TemporaryFolder folder;
      const std::string name = std::string(failpoint) + ":" + std::to_string(nth);
      ASSERT_TRUE(run_child(folder.path(), name)) << name;
      kills += 1;
      BlobBench bench(test_options(folder.path()));
      const std::string want[] = {kBytes, kBytes + "end"};
      const bool visible = std::string_view(failpoint) != "server.blob.before_sync";
      for (int i = 0; i < 2; ++i) {
        auto bytes = bench.read(test_key(static_cast<char>('1' + i)));
        bool expected = i + 1 < nth || (i + 1 == nth && visible);
        EXPECT_EQ(bytes.ok(), expected) << name << " blob " << i;
        EXPECT_TRUE(bytes.ok() ? *bytes == want[i] : code_of(bytes) == Errc::not_found) << name;
      }
      EXPECT_TRUE(bench.put_blob(test_key('1'), kBytes).ok()) << name;
      EXPECT_TRUE(bench.commit(test_key('2'), {"1", "2"}).ok()) << name;
      EXPECT_EQ(*bench.read(test_key('2')), want[1]) << name;
    }
  }
  EXPECT_EQ(kills, 6);
  TemporaryFolder folder;
  EXPECT_FALSE(run_child(folder.path(), "none"));  // so it was the failpoints that killed
}

}  // namespace
}  // namespace reachback::server
