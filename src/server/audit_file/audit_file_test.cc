#include "server/audit_file/audit_file.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>

#include "crypto/digest.h"
#include "server/audit_file/verify.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

AccessRecord record(int n) {
  return {from_micros(1'767'225'600'000'000 + n), TenantId(),      "download", "link",
          "token " + std::to_string(n),           "o\n\"quoted\"", "200",      "192.0.2.1"};
}

std::vector<std::string> lines_of(const std::string& bytes) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t end = bytes.find('\n', at) + 1;
    lines.push_back(bytes.substr(at, end - at));
    at = end;
  }
  return lines;
}
std::string join(const std::vector<std::string>& lines) {
  std::string bytes;
  for (const auto& line : lines) {
    bytes += line;
  }
  return bytes;
}

// A disk that remembers what was synced and fails on request.
struct FakeDisk {
  std::string durable, written;
  std::atomic<bool> sync_fails{false}, full{false}, drops_syncs{false};
  std::atomic<int> syncs{0};
  std::shared_future<void> gate;  // if valid, syncs wait for it
  std::pair<std::uint64_t, std::uint64_t> rewritten;
};
class FakeFile : public AppendFile {
 public:
  explicit FakeFile(FakeDisk& disk) : disk_(disk) {}
  Result<void> append(std::string_view bytes) override {
    if (disk_.full) {
      disk_.written += bytes.substr(0, bytes.size() / 2);
      return Error{Errc::storage_full, "no space"};
    }
    disk_.written += bytes;
    return {};
  }
  Result<void> sync() override {
    if (disk_.gate.valid()) {
      disk_.gate.wait();
    }
    ++disk_.syncs;
    if (disk_.sync_fails) {
      return Error{Errc::io, "EIO"};
    }
    if (!disk_.drops_syncs) {
      disk_.durable = disk_.written;
    }
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    disk_.written.resize(size);
    return {};
  }
  Result<void> rewrite(std::uint64_t from, std::uint64_t to) override {
    disk_.rewritten = {from, to};
    return disk_.sync_fails ? Result<void>(Error{Errc::io, "EIO"}) : Result<void>();
  }

 private:
  FakeDisk& disk_;
};

// Bytes given to write() and its like so far.
std::uint64_t written_by_this_process() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (io >> name >> value && name != "wchar:") {
  }
  return value;
}

class AuditFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<AuditFile> open(FakeDisk* disk = nullptr, std::size_t queue_max = 1000) {
    auto r = try_open(disk, queue_max);
    EXPECT_TRUE(r.ok()) << r.error().message;
    return r ? std::move(*r) : nullptr;
  }
  Result<std::unique_ptr<AuditFile>> try_open(FakeDisk* disk = nullptr,
                                              std::size_t queue_max = 1000) {
    AuditFileOptions options;
    options.path = path_;
    options.queue_max = queue_max;
    options.on_broken = [this](const Error&) { ++broken_; };
    if (disk != nullptr) {
      options.file = std::make_unique<FakeFile>(*disk);
    }
    return AuditFile::open(std::move(options));
  }
  static Result<void> append(AuditFile& file, int n) {
    return wait_for([&](auto done) { file.append(record(n), done); });
  }
  // The bytes of a file with `count` records.
  std::string made(int count) {
    {
      auto file = open();
      for (int i = 0; i < count; ++i) {
        EXPECT_TRUE(append(*file, i).ok());
      }
    }
    return *read_file(path_);
  }
  void write(const std::string& bytes) { ASSERT_TRUE(write_file_durably(path_, bytes).ok()); }
  VerifyReport verify() {
    auto r = verify_audit_file(path_);
    EXPECT_TRUE(r.ok());
    return *r;
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "audit.jsonl";
  std::atomic<int> broken_{0};
};

TEST_F(AuditFileTest, F14_what_a_start_reads_it_writes_once_more_before_it_goes_on) {
  const std::string bytes = made(3);
  FakeDisk disk;
  open(&disk);
  EXPECT_EQ(disk.rewritten, (std::pair<std::uint64_t, std::uint64_t>{0, bytes.size()}));
  disk.sync_fails = true;
  auto refused = try_open(&disk);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::io);
  // The real one writes them, and leaves them as they are.
  const std::uint64_t before = written_by_this_process();
  open();
  EXPECT_GE(written_by_this_process() - before, bytes.size());
  EXPECT_EQ(*read_file(path_), bytes);
}

TEST_F(AuditFileTest, records_follow_each_other_also_after_a_restart) {
  made(3);
  made(2);
  auto report = verify();
  EXPECT_FALSE(report.problem.has_value());
  EXPECT_EQ(report.records, 5u);
  EXPECT_EQ(open()->head(), report.head);
}

TEST_F(AuditFileTest, T44_any_deleted_changed_inserted_or_moved_record_is_named) {
  auto lines = lines_of(made(12));
  auto expect_problem_at = [&](const std::vector<std::string>& changed, std::size_t index,
                               const char* what) {
    write(join(changed));
    auto report = verify();
    ASSERT_TRUE(report.problem.has_value()) << what << " " << index;
    EXPECT_EQ(report.problem->line, index + 1) << what;
    EXPECT_EQ(report.records, index) << what;
    EXPECT_FALSE(report.problem->torn_tail) << what << " " << index;
    EXPECT_EQ(try_open().error().code, Errc::corrupt) << what;
    EXPECT_EQ(*read_file(path_), join(changed)) << "a refused file is not touched";
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto changed = lines;
    changed[i].replace(changed[i].find("192.0.2.1"), 9, "192.0.2.2");
    expect_problem_at(changed, i, "changed");
    auto inserted = lines;
    inserted.insert(inserted.begin() + static_cast<std::ptrdiff_t>(i), lines[(i + 3) % 12]);
    expect_problem_at(inserted, i, "inserted");
    if (i + 1 < lines.size()) {
      auto deleted = lines;
      deleted.erase(deleted.begin() + static_cast<std::ptrdiff_t>(i));
      expect_problem_at(deleted, i, "deleted");
      auto moved = lines;
      std::swap(moved[i], moved[i + 1]);
      expect_problem_at(moved, i, "moved");
    }
  }
}

TEST_F(AuditFileTest, T44_a_record_with_a_new_hash_does_not_fit_its_neighbour) {
  auto lines = lines_of(made(3));
  AuditHead head;
  ASSERT_EQ(follow_audit_line(lines[0].substr(0, lines[0].size() - 1), head), "");
  std::string forged;
  append_audit_line(forged, head, audit_body(record(99)));
  write(lines[0] + forged + lines[2]);
  auto report = verify();
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->line, 3u);
}

TEST_F(AuditFileTest, T44_a_cut_off_end_is_seen_with_a_kept_head) {
  std::string bytes = made(5);
  AuditHead kept = verify().head;
  auto lines = lines_of(bytes);
  lines.pop_back();
  write(join(lines));
  EXPECT_FALSE(verify().problem.has_value());
  auto report = verify_audit_file(path_, {kept});
  ASSERT_TRUE(report->problem.has_value());
  EXPECT_EQ(report->problem->line, 5u);
  // Grown again by other records: the record at the kept position is another.
  made(3);
  EXPECT_EQ(verify_audit_file(path_, {kept})->problem->line, 5u);
  write(bytes);
  EXPECT_FALSE(verify_audit_file(path_, {kept})->problem.has_value());
  made(2);
  EXPECT_FALSE(verify_audit_file(path_, {kept})->problem.has_value());
  kept.hash[0] ^= 1;
  EXPECT_EQ(verify_audit_file(path_, {kept})->problem->line, 5u);
}

TEST_F(AuditFileTest, the_heads_of_the_database_that_it_holds_are_found) {
  AuditHead head{7, crypto::sha256("seven")};
  {
    auto file = open();
    AccessRecord r = record(1);
    r.kind = kDatabaseHeadKind;
    r.object = text_of(head);
    EXPECT_TRUE(wait_for([&](auto done) { file->append(r, done); }).ok());
    // A field from outside that looks like one is a string and nothing else.
    r = record(2);
    r.principal = R"(","kind":"database_head","object":")" + text_of(head) + "\"";
    EXPECT_TRUE(wait_for([&](auto done) { file->append(r, done); }).ok());
  }
  EXPECT_EQ(verify().database_heads, std::vector<AuditHead>{head});
}

TEST_F(AuditFileTest, a_start_reads_from_the_checkpoint_and_verify_reads_everything) {
  auto open_with_checkpoints = [&] {
    AuditFileOptions options;
    options.path = path_;
    options.checkpoint_every_bytes = 1000;
    return AuditFile::open(std::move(options));
  };
  {
    auto file = open_with_checkpoints();
    ASSERT_TRUE(file.ok());
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(append(**file, i).ok());
    }
  }
  auto checkpoint = read_checkpoint(path_);
  EXPECT_GT(checkpoint.bytes, 1000u);
  std::string good = *read_file(path_);
  auto lines = lines_of(good);
  // Before the checkpoint: a start does not look, verify-audit does.
  auto changed = lines;
  changed[0].replace(changed[0].find("192.0.2.1"), 9, "192.0.2.2");
  write(join(changed));
  EXPECT_TRUE(open_with_checkpoints().ok());
  EXPECT_EQ(verify().problem->line, 1u);
  // Behind it: both do.
  changed = lines;
  changed.back().replace(changed.back().find("192.0.2.1"), 9, "192.0.2.2");
  write(join(changed));
  EXPECT_EQ(open_with_checkpoints().error().code, Errc::corrupt);
  // A checkpoint that does not fit the file is no checkpoint.
  lines.erase(lines.begin());
  write(join(lines));
  EXPECT_EQ(read_checkpoint(path_).bytes, 0u);
  EXPECT_EQ(open_with_checkpoints().error().code, Errc::corrupt);
}

TEST_F(AuditFileTest, a_torn_end_is_cut_off_told_and_kept_beside) {
  std::string bytes = made(3);
  auto lines = lines_of(bytes);
  std::size_t two = lines[0].size() + lines[1].size();
  for (std::size_t size = two + 1; size < bytes.size(); size += 29) {
    write(bytes.substr(0, size));
    auto file = open();
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(file->torn_bytes(), size - two);
    EXPECT_EQ(file->head().seq, 2u);
    EXPECT_EQ(*read_file(path_ + ".torn-3"), bytes.substr(two, size - two));
    ASSERT_TRUE(append(*file, 7).ok());
    file->close();
    EXPECT_EQ(verify().records, 3u);
  }
}

TEST_F(AuditFileTest, a_hole_in_the_last_write_is_a_torn_end_too) {
  std::string bytes = made(6);
  auto lines = lines_of(bytes);
  std::size_t two = lines[0].size() + lines[1].size();
  for (std::size_t i = two; i < two + lines[2].size(); ++i) {
    bytes[i] = '\0';
  }
  write(bytes);
  auto file = open();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->head().seq, 2u);
}

TEST_F(AuditFileTest, garbage_of_any_size_is_refused_or_torn_and_never_a_crash) {
  testing::SeededRandom random(1);
  std::string good = made(2);
  for (std::size_t size : {1u, 10u, 1000u, 300'000u, 5'000'000u}) {
    write(good + random.bytes(size));
    auto report = verify();
    EXPECT_EQ(report.records, 2u);
    ASSERT_TRUE(report.problem.has_value());
    if (size > kAuditGroupBytesMax) {
      EXPECT_FALSE(report.problem->torn_tail);
    }
  }
}

TEST_F(AuditFileTest, F14_after_a_failed_sync_every_append_is_refused) {
  FakeDisk disk;
  auto file = open(&disk);
  EXPECT_TRUE(append(*file, 1).ok());
  disk.sync_fails = true;
  EXPECT_EQ(append(*file, 2).error().code, Errc::io);
  disk.sync_fails = false;
  EXPECT_EQ(append(*file, 3).error().code, Errc::io);
  EXPECT_EQ(broken_, 1) << "told once: the server exits";
  EXPECT_EQ(disk.syncs, 2) << "no retry";
  EXPECT_EQ(file->head().seq, 1u);
}

TEST_F(AuditFileTest, F16_a_full_disk_refuses_and_the_chain_goes_on_when_there_is_room) {
  FakeDisk disk;
  auto file = open(&disk);
  EXPECT_TRUE(append(*file, 1).ok());
  disk.full = true;
  EXPECT_EQ(append(*file, 2).error().code, Errc::storage_full);
  disk.full = false;
  EXPECT_TRUE(append(*file, 3).ok());
  file->close();
  write(disk.durable);
  auto report = verify();
  EXPECT_FALSE(report.problem.has_value());
  EXPECT_EQ(report.records, 2u);
}

TEST_F(AuditFileTest, the_queue_is_bounded_and_one_sync_serves_all_that_wait) {
  FakeDisk disk;
  std::promise<void> go;
  disk.gate = go.get_future().share();
  auto file = open(&disk, /*queue_max=*/50);
  std::atomic<int> ok{0}, refused{0};
  for (int i = 0; i < 200; ++i) {
    file->append(record(i), [&](const Result<void>& r) {
      ok += r.ok();
      refused += !r.ok() && r.error().code == Errc::unavailable;
    });
  }
  EXPECT_GE(refused, 100);
  go.set_value();
  file->close();
  EXPECT_EQ(ok + refused, 200);
  EXPECT_LE(disk.syncs, 3);
  int late = 0;
  file->append(record(1), [&](const Result<void>& r) { late += !r.ok(); });
  EXPECT_EQ(late, 1);
}

// What was acknowledged survives any cut of what was not synced; without syncs it does not.
TEST_F(AuditFileTest, at_a_power_loss_no_acknowledged_record_is_lost) {
  for (bool drops_syncs : {false, true}) {
    int lost = 0;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      testing::SeededRandom random(seed);
      FakeDisk disk;
      disk.drops_syncs = drops_syncs;
      (void)remove_tree(path_);
      auto file = open(&disk);
      std::uint64_t acked = 0;
      for (std::uint64_t n = 1 + random.below(20); n > 0; --n) {
        acked += append(*file, static_cast<int>(n)).ok() ? 1 : 0;
      }
      disk.sync_fails = true;  // a write that is under way when the power goes
      (void)append(*file, 0);
      file->close();
      std::string unsynced = disk.written.substr(disk.durable.size());
      write(disk.durable + unsynced.substr(0, random.below(unsynced.size() + 1)));
      auto again = open();
      ASSERT_NE(again, nullptr);
      lost += again->head().seq < acked ? 1 : 0;
    }
    EXPECT_EQ(lost > 0, drops_syncs);
  }
}

TEST_F(AuditFileTest, many_threads_make_one_chain) {
  {
    auto file = open(nullptr, 100'000);
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          failed += append(*file, t * 1000 + i).ok() ? 0 : 1;
        }
      });
    }
    for (auto& t : threads) {
      t.join();
    }
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(file->head().seq, 800u);
  }
  EXPECT_EQ(verify().records, 800u);
}

TEST_F(AuditFileTest, a_file_is_written_by_one_process_at_a_time) {
  auto file = open();
  EXPECT_EQ(try_open().error().code, Errc::conflict);
  file->close();
  EXPECT_TRUE(try_open().ok());
}

}  // namespace
}  // namespace reachback::server
