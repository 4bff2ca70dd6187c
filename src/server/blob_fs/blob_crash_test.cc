// Power loss at every place where it can hurt, on a disk that forgets what was not synced. Each of
// these tests turns red when the sync it stands for is taken out.
#include <thread>

#include "crypto/digest.h"
#include "server/blob_fs/blob_test_folder.h"
#include "server/blob_fs/fake_disk.h"

namespace reachback::server {
namespace {

class BlobCrash : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() { bench_ = std::make_unique<BlobBench>(test_options(root()), disk_); }
  void crash() {
    bench_.reset();
    disk_->cut_power();
    open();
  }
  std::string root() {
    std::filesystem::create_directories(folder_.path() + "/data");
    return folder_.path() + "/data";
  }

  TemporaryFolder folder_;
  std::shared_ptr<LosingDisk> disk_ = std::make_shared<LosingDisk>(folder_.path() + "/data");
  std::unique_ptr<BlobBench> bench_;
  const BlobKey key_ = test_key();
};

TEST_F(BlobCrash, TheDiskForgetsWhatWasNotSynced) {  // or the tests below would prove nothing
  ASSERT_TRUE(bench_->put(key_, "kept").ok());
  auto fd = open_file(root() + "/blobs/loose", O_WRONLY | O_CREAT);
  ASSERT_TRUE(fd.ok() && write_all(fd->get(), "not synced").ok());
  ASSERT_TRUE(path_exists(root() + "/blobs/loose"));
  crash();
  EXPECT_FALSE(path_exists(root() + "/blobs/loose"));
}

TEST_F(BlobCrash, WhatPutAcknowledgedIsThereAfterwards) {
  for (char digit = '0'; digit <= '9'; ++digit) {
    const std::string bytes = "result " + std::string(1, digit);
    ASSERT_TRUE(bench_->put(test_key(digit), bytes).ok());
  }
  crash();
  for (char digit = '0'; digit <= '9'; ++digit) {
    auto back = bench_->read(test_key(digit));
    ASSERT_TRUE(back.ok()) << digit << back.error().message;
    EXPECT_EQ(*back, "result " + std::string(1, digit));
  }
}

TEST_F(BlobCrash, ACommittedBlockListIsThereAfterwards) {
  ASSERT_TRUE(bench_->put_block(key_, "1", "one").ok());
  ASSERT_TRUE(bench_->put_block(key_, "2", "two").ok());
  ASSERT_TRUE(bench_->commit(key_, {"1", "2"}).ok());
  crash();
  auto back = bench_->read(key_);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, "onetwo");
  EXPECT_TRUE(bench_->commit(key_, {"1", "2"}).ok());  // the agent asks again
}

TEST_F(BlobCrash, AnAcknowledgedBlockIsWholeOrGoneNeverOther) {
  ASSERT_TRUE(bench_->put_block(key_, "1", "first bytes").ok());
  ASSERT_TRUE(disk_->sync_folder(root() + "/staging").ok());  // names may reach the disk any time
  ASSERT_TRUE(disk_->sync_folder(root() + "/staging/" + key_.text()).ok());
  crash();
  auto staged = bench_->blocks(key_);
  ASSERT_TRUE(staged.ok());
  ASSERT_EQ(staged->size(), 1u);
  ASSERT_TRUE(bench_->commit(key_, {"1"}).ok());
  EXPECT_EQ(*bench_->read(key_), "first bytes");
}

TEST_F(BlobCrash, ARemovedBlobStaysRemoved) {
  ASSERT_TRUE(bench_->put(key_, "bytes").ok());
  auto removed = testing::wait_for(
      [&](auto done) { bench_->store().remove(key_.tenant(), key_.name(), done); });
  ASSERT_TRUE(removed.ok());
  crash();
  EXPECT_EQ(code_of(bench_->stat(key_)), Errc::not_found);
}

TEST_F(BlobCrash, AnIdenticalPutMakesARenameDurableThatASyncNeverFollowed) {
  ASSERT_TRUE(bench_->put(test_key('3'), "neighbour").ok());
  ASSERT_TRUE(bench_->put(key_, "bytes").ok());
  // As if the process had died between the rename and the sync of the folder.
  const std::string folder = root() + "/blobs/" + key_.tenant().text() + "/4e";
  const std::string path = folder + "/" + key_.name(), aside = root() + "/aside";
  std::filesystem::rename(path, aside);
  ASSERT_TRUE(disk_->sync_folder(folder).ok());
  std::filesystem::rename(aside, path);
  ASSERT_TRUE(bench_->put(key_, "bytes").ok());
  crash();
  auto back = bench_->read(key_);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, "bytes");
}

TEST_F(BlobCrash, ARestartMakesDurableWhatIsVisible) {
  ASSERT_TRUE(bench_->put(test_key('3'), "neighbour").ok());
  ASSERT_TRUE(bench_->put(key_, "bytes").ok());
  const std::string folder = root() + "/blobs/" + key_.tenant().text() + "/4e";
  const std::string path = folder + "/" + key_.name(), aside = root() + "/aside";
  std::filesystem::rename(path, aside);
  ASSERT_TRUE(disk_->sync_folder(folder).ok());
  std::filesystem::rename(aside, path);
  bench_.reset();  // killed, not cut off: the kernel still has everything
  open();
  ASSERT_TRUE(bench_->stat(key_).ok());  // said to be there
  crash();
  EXPECT_TRUE(bench_->stat(key_).ok());  // so it must be
}

TEST_F(BlobCrash, AFailedSyncIsNoCommit) {
  disk_->fail_syncs(1);
  EXPECT_EQ(code_of(bench_->put(key_, "bytes")), Errc::unavailable);
  EXPECT_EQ(code_of(bench_->stat(key_)), Errc::not_found);
  EXPECT_EQ(files_below(root()), 0u);
  EXPECT_TRUE(bench_->put(key_, "bytes").ok());
}

TEST_F(BlobCrash, ABlobCostsOneSyncOfAFileAndOneOfAFolder) {
  ASSERT_TRUE(bench_->put(test_key('0'), "makes the folders").ok());
  const int files = disk_->syncs(), folders = disk_->folder_syncs();
  ASSERT_TRUE(bench_->put(test_key('1'), "bytes").ok());
  EXPECT_EQ(disk_->syncs() - files, 1);
  EXPECT_EQ(disk_->folder_syncs() - folders, 1);
}

}  // namespace
}  // namespace reachback::server
