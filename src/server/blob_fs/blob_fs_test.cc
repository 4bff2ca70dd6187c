#include "server/blob_fs/blob_fs.h"

#include <fcntl.h>

#include <atomic>
#include <thread>

#include "crypto/digest.h"
#include "server/blob_fs/blob_test_folder.h"
#include "server/blob_fs/fake_disk.h"
#include "testing/conformance_blob_store.h"

namespace reachback::server {
namespace {

class FolderFixture : public testing::BlobStoreFixture {
 public:
  BlobStore& store() override { return bench_.store(); }

 private:
  TemporaryFolder folder_;
  BlobBench bench_{test_options(folder_.path())};
};

class BlobFsTest : public ::testing::Test {
 protected:
  BlobFsOptions options() { return test_options(folder_.path()); }
  std::string blob_file(const BlobKey& key) {
    return folder_.path() + "/blobs/" + key.tenant().text() + "/" + key.name().substr(0, 2) + "/" +
           key.name();
  }
  std::string staging() { return folder_.path() + "/staging"; }

  TemporaryFolder folder_;
  const BlobKey key_ = test_key();
};

TEST_F(BlobFsTest, ABlobIsOneFileOfBytesAndTrailer) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put(key_, "the bytes").ok());
  auto file = read_file(blob_file(key_));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(
      file->starts_with("the bytes"
                        "length=9\nsha256="));
  EXPECT_TRUE(file->ends_with("RBblob1\n"));
  EXPECT_EQ(files_below(folder_.path()), 1u);
}

// A disk whose copies of blocks stand still until they may go on.
class StandingDisk : public Disk {
 public:
  Result<void> copy(int from, std::uint64_t offset, int to, std::uint64_t bytes) override {
    copying.fetch_add(1);
    go_on.wait(false);
    return Disk::copy(from, offset, to, bytes);
  }
  std::atomic<int> copying{0};
  std::atomic<bool> go_on{false};
};

TEST_F(BlobFsTest, LongCommitsHoldUpNothingElse) {
  auto disk = std::make_shared<StandingDisk>();
  std::atomic<int> committed{0};
  BlobBench bench(options(), disk);
  constexpr int kCommits = 5;
  for (int i = 0; i < kCommits; ++i) {
    const BlobKey large = test_key(static_cast<char>('a' + i));
    ASSERT_TRUE(bench.put_block(large, "0", "bytes").ok());
    ASSERT_TRUE(bench.put_block(large, "1", "more").ok());
    bench.store().commit_blocks(large, {"1", "0"}, {}, {}, [&](Result<Committed> c) {
      committed += c.ok() ? 1 : 0;
      committed.notify_all();
    });
  }
  while (disk->copying == 0) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(bench.put(key_, "small").ok());
  EXPECT_EQ(bench.read(key_).value(), "small");
  EXPECT_EQ(bench.stat(key_)->bytes, 5u);
  EXPECT_TRUE(bench.open(key_).ok());
  EXPECT_EQ(committed, 0);
  disk->go_on = true;
  disk->go_on.notify_all();
  for (int now = committed; now < kCommits; now = committed) {
    committed.wait(now);
  }
}

TEST_F(BlobFsTest, BlobsAndHeadersSurviveARestart) {
  {
    BlobBench bench(options());
    ASSERT_TRUE(bench.put_blob(key_, "bytes", {"text/csv", "a \"b\"\n% ü.gz"}).ok());
  }
  BlobBench bench(options());
  auto blob = bench.open(key_);
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  EXPECT_EQ(blob->record.headers.content_type, "text/csv");
  EXPECT_EQ(blob->record.headers.file_name, "a \"b\"\n% ü.gz");
  EXPECT_EQ(blob->record.info.bytes, 5u);
}

TEST_F(BlobFsTest, ADamagedFileIsCorruptAndNeverServed) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put(key_, "0123456789").ok());
  const std::string path = blob_file(key_);
  auto whole = *read_file(path);
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {  // cut at every byte
    ASSERT_TRUE(write_file_durably(path, whole.substr(0, keep)).ok());
    EXPECT_EQ(code_of(bench.stat(key_)), Errc::corrupt) << keep;
  }
  ASSERT_TRUE(write_file_durably(path, "more" + whole).ok());
  EXPECT_EQ(code_of(bench.stat(key_)), Errc::corrupt);
  std::string flipped = whole;
  flipped[3] ^= 1;
  ASSERT_TRUE(write_file_durably(path, flipped).ok());
  EXPECT_EQ(code_of(bench.read(key_)), Errc::corrupt);
}

TEST_F(BlobFsTest, ALinkInPlaceOfABlobIsNotFollowed) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put(key_, "bytes").ok());
  std::filesystem::rename(blob_file(key_), folder_.path() + "/elsewhere");
  std::filesystem::create_symlink(folder_.path() + "/elsewhere", blob_file(key_));
  EXPECT_FALSE(bench.open(key_).ok());
}

TEST_F(BlobFsTest, BlocksAreJoinedInTheOrderGiven) {
  BlobBench bench(options());
  const std::string a(300'000, 'a'), b(10, 'b'), c(70'000, 'c');
  ASSERT_TRUE(bench.put_block(key_, "1", a).ok());
  ASSERT_TRUE(bench.put_block(key_, "0", b).ok());
  ASSERT_TRUE(bench.put_block(key_, std::string("\0\xff/..", 5), c).ok());
  auto staged = bench.blocks(key_);
  ASSERT_TRUE(staged.ok());
  ASSERT_EQ(staged->size(), 3u);
  EXPECT_EQ((*staged)[1].id, "0");
  EXPECT_EQ((*staged)[1].bytes, 10u);
  EXPECT_EQ(code_of(bench.stat(key_)), Errc::not_found);
  auto committed =
      bench.commit(key_, {"1", std::string("\0\xff/..", 5), "0", "1"}, {"x/y", "f.bin"});
  ASSERT_TRUE(committed.ok()) << committed.error().message;
  EXPECT_TRUE(committed->created);
  EXPECT_EQ(committed->record.info.sha256, crypto::sha256(a + c + b + a));
  EXPECT_EQ(*bench.read(key_), a + c + b + a);
  EXPECT_EQ(bench.open(key_)->record.headers.file_name, "f.bin");
  EXPECT_TRUE(bench.blocks(key_)->empty());
  EXPECT_EQ(files_below(staging()), 0u);
}

// A disk that must not be asked to copy.
class CountingDisk : public Disk {
 public:
  Result<void> copy(int from, std::uint64_t offset, int to, std::uint64_t bytes) override {
    ++copies;
    return Disk::copy(from, offset, to, bytes);
  }
  std::atomic<int> copies{0};
};

TEST_F(BlobFsTest, BlocksThatCameInTheirOrderBecomeTheBlobWithoutACopy) {
  auto disk = std::make_shared<CountingDisk>();
  BlobBench bench(options(), disk);
  ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());
  {
    auto broken_off = bench.begin_block(key_, "2", 100);
    ASSERT_TRUE(broken_off.ok());
    ASSERT_TRUE((*broken_off)->write("what a cut connection left of it").ok());
  }
  ASSERT_TRUE(bench.put_block(key_, "2", "two").ok());
  ASSERT_TRUE(bench.commit(key_, {"1", "2"}, {}, crypto::sha256("onetwo")).ok());
  EXPECT_EQ(*bench.read(key_), "onetwo");
  EXPECT_EQ(disk->copies, 0);
  EXPECT_EQ(files_below(staging()), 0u);
}

TEST_F(BlobFsTest, SoDoBlocksOfAFormerProcess) {
  {
    ASSERT_TRUE(BlobBench(options()).put_block(key_, "1", "one").ok());
  }
  auto disk = std::make_shared<CountingDisk>();
  BlobBench bench(options(), disk);
  ASSERT_TRUE(bench.put_block(key_, "2", "two").ok());
  ASSERT_TRUE(bench.commit(key_, {"1", "2"}, {}, crypto::sha256("onetwo")).ok());
  EXPECT_EQ(*bench.read(key_), "onetwo");
  EXPECT_EQ(disk->copies, 0);
}

TEST_F(BlobFsTest, AListThatLeavesBlocksOutKeepsThemUntilItIsCommitted) {
  auto disk = std::make_shared<LosingDisk>(folder_.path());
  BlobBench bench(options(), disk);
  ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());
  ASSERT_TRUE(bench.put_block(key_, "2", "two").ok());
  disk->set_room(3);  // not for the trailer
  EXPECT_EQ(code_of(bench.commit(key_, {"1"})), Errc::storage_full);
  disk->set_room(128 << 20);
  ASSERT_TRUE(bench.put_block(key_, "3", "three").ok());
  ASSERT_TRUE(bench.commit(key_, {"1", "2"}).ok());
  EXPECT_EQ(*bench.read(key_), "onetwo");
}

TEST_F(BlobFsTest, NamesOfBlocksWhoseBytesHaveBecomeABlobMeanNothing) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());
  ASSERT_TRUE(bench.put_block(key_, "2", "two").ok());
  // As if the process had died between the rename and what follows it.
  std::filesystem::rename(staging() + "/" + key_.text() + "/bytes", folder_ / "aside");
  BlobBench again(options());
  EXPECT_TRUE(again.blocks(key_)->empty());
  ASSERT_TRUE(again.put_block(key_, "3", "long enough for both").ok());
  EXPECT_EQ(again.blocks(key_)->size(), 1u);
}

TEST_F(BlobFsTest, ABlockThatIsSentAgainReplacesTheFirst) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put_block(key_, "1", "old").ok());
  ASSERT_TRUE(bench.put_block(key_, "1", "new one").ok());
  ASSERT_TRUE(bench.commit(key_, {"1"}).ok());
  EXPECT_EQ(*bench.read(key_), "new one");
}

TEST_F(BlobFsTest, TheSameCommitAgainIsFineAnotherIsNot) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());
  ASSERT_TRUE(bench.commit(key_, {"1"}).ok());
  auto again = bench.commit(key_, {"1"});  // the answer was lost, the blocks are gone
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_FALSE(again->created);
  EXPECT_EQ(code_of(bench.commit(key_, {"2"})), Errc::already_exists);
  ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());  // everything once more
  EXPECT_TRUE(bench.commit(key_, {"1"}).ok());
  ASSERT_TRUE(bench.put_block(key_, "1", "other").ok());
  EXPECT_EQ(code_of(bench.commit(key_, {"1"})), Errc::already_exists);
  EXPECT_EQ(*bench.read(key_), "one");
  EXPECT_EQ(files_below(staging()), 0u);
}

TEST_F(BlobFsTest, AMissingBlockFailsTheCommitAndKeepsTheOthers) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());
  EXPECT_EQ(code_of(bench.commit(key_, {"1", "2"})), Errc::not_found);
  ASSERT_TRUE(bench.put_block(key_, "2", "two").ok());
  EXPECT_TRUE(bench.commit(key_, {"1", "2"}).ok());
}

TEST_F(BlobFsTest, AWrongDigestDropsTheBytes) {
  BlobBench bench(options());
  const Sha256 wrong = crypto::sha256("something else");
  EXPECT_EQ(code_of(bench.put_blob(key_, "bytes", {}, wrong)), Errc::mismatch);
  ASSERT_TRUE(bench.put_block(key_, "1", "bytes").ok());
  EXPECT_EQ(code_of(bench.commit(key_, {"1"}, {}, wrong)), Errc::mismatch);
  EXPECT_EQ(files_below(folder_.path()), 0u);
  EXPECT_TRUE(bench.put_blob(key_, "bytes", {}, crypto::sha256("bytes")).ok());
}

TEST_F(BlobFsTest, StagedBlocksSurviveARestartAndAreCountedAgain) {
  auto small = options();
  small.limits.blocks_max = 2;
  {
    BlobBench bench(small);
    ASSERT_TRUE(bench.put_block(key_, "1", "one").ok());
    ASSERT_TRUE(bench.put_block(key_, "2", "two").ok());
  }
  BlobBench bench(small);
  EXPECT_EQ(code_of(bench.put_block(key_, "3", "three")), Errc::too_large);
  EXPECT_TRUE(bench.put_block(key_, "2", "TWO").ok());
  ASSERT_TRUE(bench.commit(key_, {"1", "2"}).ok());
  EXPECT_EQ(*bench.read(key_), "oneTWO");
}

TEST_F(BlobFsTest, LimitsHold) {
  auto small = options();
  small.limits.put_bytes_max = 10;
  small.limits.block_bytes_max = 4;
  small.limits.blob_bytes_max = 10;
  small.limits.blocks_max = 3;
  BlobBench bench(small);
  EXPECT_EQ(code_of(bench.begin_blob(key_, 11)), Errc::too_large);
  EXPECT_EQ(code_of(bench.begin_block(key_, "1", 5)), Errc::too_large);
  EXPECT_EQ(code_of(bench.begin_block(key_, "", 1)), Errc::invalid_input);
  EXPECT_EQ(code_of(bench.begin_block(key_, std::string(65, 'x'), 1)), Errc::invalid_input);
  ASSERT_TRUE(bench.put_block(key_, "1", "1111").ok());
  ASSERT_TRUE(bench.put_block(key_, "2", "2222").ok());
  EXPECT_EQ(code_of(bench.put_block(key_, "3", "333")), Errc::too_large);  // 11 bytes
  EXPECT_TRUE(bench.put_block(key_, "3", "33").ok());
  EXPECT_EQ(code_of(bench.put_block(key_, "4", "4")), Errc::too_large);  // 4 blocks
  EXPECT_EQ(code_of(bench.commit(key_, {"1", "2", "3", "3"})), Errc::too_large);
  EXPECT_EQ(code_of(bench.commit(key_, {"1", "2", "2"})), Errc::too_large);  // 12 bytes
  EXPECT_TRUE(bench.commit(key_, {"1", "2", "3"}).ok());
}

TEST_F(BlobFsTest, ABodyLongerOrShorterThanDeclaredLeavesNothing) {
  BlobBench bench(options());
  {
    auto upload = bench.begin_blob(key_, 3);
    ASSERT_TRUE(upload.ok());
    EXPECT_TRUE((*upload)->write("12").ok());
    EXPECT_EQ(code_of((*upload)->write("34")), Errc::too_large);
  }
  auto upload = bench.begin_blob(key_, 3);
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE((*upload)->write("12").ok());
  auto result = testing::wait_for<Committed>(
      [&](auto done) { bench.store().finish_blob(std::move(*upload), {}, std::nullopt, done); });
  EXPECT_EQ(code_of(result), Errc::protocol);
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

TEST_F(BlobFsTest, AKeyHasOneWriterAtATime) {
  BlobBench bench(options());
  auto first = bench.begin_block(key_, "1", 1);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(code_of(bench.begin_block(key_, "2", 1)), Errc::conflict);
  EXPECT_EQ(code_of(bench.begin_blob(key_, 1)), Errc::conflict);
  EXPECT_EQ(code_of(bench.commit(key_, {"1"})), Errc::conflict);
  EXPECT_TRUE(bench.begin_block(test_key('3'), "1", 1).ok());
  first->reset();  // the connection broke
  EXPECT_TRUE(bench.begin_block(key_, "2", 1).ok());
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

TEST_F(BlobFsTest, AFullDiskIsRefusedBeforeTheFirstByteAndLeavesTheReserve) {
  auto disk = std::make_shared<LosingDisk>(folder_.path());
  BlobBench bench(options(), disk);
  disk->set_room((64 << 20) + 100);
  EXPECT_EQ(code_of(bench.begin_blob(key_, 101)), Errc::storage_full);
  auto upload = bench.begin_blob(key_, 100);
  ASSERT_TRUE(upload.ok());  // its room is promised now
  EXPECT_EQ(code_of(bench.begin_block(test_key('3'), "1", 1)), Errc::storage_full);
  EXPECT_EQ(code_of(bench.put(test_key('3'), "x")), Errc::storage_full);
  disk->set_room((64 << 20) + 50);  // somebody else took what was promised
  EXPECT_EQ(code_of(bench.begin_block(test_key('3'), "1", 1)), Errc::storage_full);
  disk->set_room((64 << 20) + 100);
  upload->reset();
  EXPECT_TRUE(bench.begin_block(test_key('3'), "1", 1).ok());
  disk->set_room(10);
  EXPECT_EQ(code_of(bench.begin_blob(key_, 1)), Errc::storage_full);
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

TEST_F(BlobFsTest, ADiskThatRunsFullInTheMiddleLeavesNothingHalf) {
  auto small = options();
  small.limits.reserve_bytes = 0;
  auto disk = std::make_shared<LosingDisk>(folder_.path());
  BlobBench bench(small, disk);
  disk->set_room(1000);
  auto upload = bench.begin_blob(key_, 900);
  ASSERT_TRUE(upload.ok());
  disk->set_room(500);
  EXPECT_TRUE((*upload)->write(std::string(400, 'x')).ok());
  EXPECT_EQ(code_of((*upload)->write(std::string(400, 'x'))), Errc::storage_full);
  upload->reset();
  EXPECT_EQ(files_below(folder_.path()), 0u);

  disk->set_room(1000);
  ASSERT_TRUE(bench.put_block(key_, "1", std::string(400, 'x')).ok());
  disk->set_room(40);  // its trailer does not fit
  EXPECT_EQ(code_of(bench.commit(key_, {"1"})), Errc::storage_full);
  EXPECT_EQ(code_of(bench.stat(key_)), Errc::not_found);
  EXPECT_EQ(files_below(folder_.path()), 1u);
  disk->set_room(10'000);  // and the same without a restart
  EXPECT_TRUE(bench.commit(key_, {"1"}).ok());
}

TEST_F(BlobFsTest, AbandonedUploadsGoAfterADayOthersStay) {
  BlobBench bench(options());
  ASSERT_TRUE(bench.put(test_key('9'), "committed").ok());
  for (char digit = '0'; digit < '5'; ++digit) {
    ASSERT_TRUE(bench.put_block(test_key(digit), "1", "left behind").ok());
  }
  auto writing = bench.begin_block(test_key('0'), "2", 1);
  ASSERT_TRUE(writing.ok());
  const Timestamp now = SystemClock().now();
  auto none = bench.store().purge_staging(now + std::chrono::hours(23));
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, 0u);
  auto gone = bench.store().purge_staging(now + std::chrono::hours(25));
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(*gone, 4u);
  EXPECT_TRUE(bench.blocks(test_key('1'))->empty());
  EXPECT_EQ(bench.blocks(test_key('0'))->size(), 1u);
  EXPECT_TRUE(bench.stat(test_key('9')).ok());
}

TEST_F(BlobFsTest, HalfWrittenBodiesOfAFormerProcessAreRemovedAtTheStart) {
  ASSERT_TRUE(make_folder(staging()).ok());
  ASSERT_TRUE(write_file_durably(staging() + "/put-17", "half").ok());
  BlobBench bench(options());
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

TEST_F(BlobFsTest, BadSettingsAreRefused) {
  auto bad = options();
  bad.account = "Has/Slash";
  EXPECT_EQ(code_of(BlobFs::create(std::move(bad))), Errc::invalid_input);
  bad = options();
  bad.account_keys.clear();
  EXPECT_EQ(code_of(BlobFs::create(std::move(bad))), Errc::invalid_input);
}

TEST_F(BlobFsTest, NoLinkBeforeTheAddressesAreKnown) {
  auto store = BlobFs::create(options());
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(code_of((*store)->write_link(key_.tenant(), key_.name(), Timestamp{})),
            Errc::unavailable);
}

}  // namespace
}  // namespace reachback::server

namespace reachback::testing {
INSTANTIATE_TEST_SUITE_P(Folder, BlobStoreConformance, ::testing::Values([] {
                           return std::make_unique<server::FolderFixture>();
                         }));
}  // namespace reachback::testing
