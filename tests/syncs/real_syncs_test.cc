// Each durable write makes the syncs that its promise needs, seen at the system call's own name.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "agent/journal/journal.h"
#include "agent/supervisor/spool.h"
#include "base/file.h"
#include "crypto/random.h"
#include "server/audit_file/audit_file.h"
#include "server/blob_fs/blob_test_folder.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace {

std::mutex mutex;
std::vector<std::string> synced_paths;

void note(int fd) {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
  std::lock_guard lock(mutex);
  synced_paths.push_back(path.string());
}

}  // namespace

// The linker's --wrap sends every call of the program here.
extern "C" {
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fdatasync(int fd) {
  note(fd);
  return __real_fdatasync(fd);
}
int __wrap_fsync(int fd) {
  note(fd);
  return __real_fsync(fd);
}
}

namespace reachback {
namespace {

using testing::TemporaryFolder;

class RealSyncs : public ::testing::Test {
 protected:
  // What was synced since the last call, below the folder; the folder itself is ".".
  std::vector<std::string> synced() {
    std::lock_guard lock(mutex);
    std::vector<std::string> out;
    for (const std::string& path : synced_paths) {
      auto below = std::filesystem::path(path).lexically_relative(folder_.path()).string();
      out.push_back(below);
    }
    synced_paths.clear();
    return out;
  }
  static bool has(const std::vector<std::string>& all, const std::string& path) {
    return std::find(all.begin(), all.end(), path) != all.end();
  }
  static bool has_below(const std::vector<std::string>& all, const std::string& folder) {
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& path) { return path.starts_with(folder + "/"); });
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  crypto::SystemRandom random_;
};

TEST_F(RealSyncs, AFileWrittenDurablySyncsItsBytesAndItsName) {
  synced();
  ASSERT_TRUE(write_file_durably(folder_ / "settings", "bytes").ok());
  EXPECT_EQ(synced(), (std::vector<std::string>{"settings.tmp", "."}));
}

TEST_F(RealSyncs, TheJournalSyncsItsNameOnceAndEveryRecord) {
  auto files = agent::make_file_layer(folder_.path());
  synced();
  auto journal = agent::Journal::open(*files, clock_, random_);
  ASSERT_TRUE(journal.ok());
  auto made = synced();
  EXPECT_TRUE(has(made, ".")) << "its name";
  EXPECT_TRUE(has(made, "journal") || has(made, "journal.new")) << "its first bytes";
  for (int i = 0; i < 3; ++i) {
    pb::JournalClosed closed;
    closed.set_action(std::string(16, static_cast<char>('a' + i)));
    closed.set_reason("x");
    ASSERT_TRUE((*journal)->append({agent::entry(closed)}).ok());
    EXPECT_TRUE(has(synced(), "journal")) << "record " << i;
  }
}

TEST_F(RealSyncs, ASpooledResultSyncsItsBytesAndItsName) {
  auto spool = agent::make_folder_spool(folder_.path());
  ASSERT_TRUE(spool.ok());
  auto file = (*spool)->make_result(ActionId::make(random_), 0);
  ASSERT_TRUE(file.ok());
  synced();
  ASSERT_TRUE((*spool)->sync(*file).ok());
  auto all = synced();
  EXPECT_TRUE(has_below(all, "spool"));
  EXPECT_TRUE(has(all, "spool"));
}

TEST_F(RealSyncs, TheAuditSyncsItsNameOnceAndEveryRecordBeforeItsAnswer) {
  server::AuditFileOptions options;
  options.path = folder_ / "access.log";
  synced();
  auto audit = server::AuditFile::open(std::move(options));
  ASSERT_TRUE(audit.ok());
  EXPECT_TRUE(has(synced(), "."));
  for (int i = 0; i < 3; ++i) {
    server::AccessRecord record;
    record.kind = "mint";
    record.at = clock_.now();
    ASSERT_TRUE(testing::wait_for([&](auto done) { (*audit)->append(record, done); }).ok());
    EXPECT_EQ(synced(), std::vector<std::string>{"access.log"}) << "record " << i;
  }
}

TEST_F(RealSyncs, ABlobSyncsItsBytesAndItsName) {
  server::BlobBench bench(server::test_options(folder_.path()));
  const server::BlobKey key = server::test_key();
  const std::string place = "blobs/" + key.tenant().text() + "/" + key.name().substr(0, 2);
  synced();
  ASSERT_TRUE(bench.put(key, "bytes").ok());
  auto whole = synced();
  EXPECT_TRUE(has_below(whole, "staging")) << "its bytes, before it has its name";
  EXPECT_TRUE(has(whole, place)) << "its name";
  EXPECT_TRUE(has(whole, "blobs")) << "the name of its folder's folder";

  const server::BlobKey other = server::test_key('3');
  ASSERT_TRUE(bench.put_block(other, "0", "block").ok());
  EXPECT_TRUE(has_below(synced(), "staging")) << "a block's bytes";
  ASSERT_TRUE(bench.commit(other, {"0"}).ok());
  auto joined = synced();
  EXPECT_TRUE(has_below(joined, "staging"));
  EXPECT_TRUE(has(joined, place));
}

}  // namespace
}  // namespace reachback
