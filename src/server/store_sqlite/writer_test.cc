#include "server/store_sqlite/writer.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto db = Db::open(path_, Db::Mode::create, "");
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE((*db)->exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x UNIQUE)").ok());
    WriterOptions options;
    // Asked once a group: holds the writer until the test has queued what it wants.
    options.free_bytes = [open = gate_.get_future().share()]() -> std::uint64_t {
      open.wait();
      return UINT64_MAX;
    };
    writer_ = std::make_unique<Writer>(std::move(*db), options);
  }

  // What another connection sees.
  std::int64_t seen(const char* sql) {
    auto db = Db::open(path_, Db::Mode::read_only, "");
    if (!db) {
      return -1;
    }
    auto n = (*db)->number(sql);
    return n ? *n : -1;
  }
  static Result<void> insert(Db& db, int x) {
    return Query(db, "INSERT INTO t VALUES(?)").number(x).run();
  }
  void submit(std::function<Result<void>(Db&)> work, Done<void> done) {
    writer_->submit_void(Space::keeps, std::move(work), std::move(done));
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "db";
  std::promise<void> gate_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, a_write_that_fails_half_way_is_undone_and_its_group_stays) {
  std::vector<bool> ok;
  auto note = [&](const Result<void>& r) { ok.push_back(r.ok()); };
  submit([](Db& db) { return insert(db, 1); }, note);
  submit(
      [](Db& db) -> Result<void> {
        RB_TRY(insert(db, 2));
        return Error{Errc::conflict, "after a change"};
      },
      note);
  submit(
      [](Db& db) -> Result<void> {
        RB_TRY(insert(db, 3));
        return insert(db, 3);  // SQLite's own error
      },
      note);
  submit([](Db& db) { return insert(db, 4); }, note);
  gate_.set_value();
  writer_->drain();
  EXPECT_EQ(ok, (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(seen("SELECT count(*) FROM t"), 2);
  EXPECT_EQ(seen("SELECT sum(x) FROM t"), 5);
}

TEST_F(WriterTest, done_is_called_when_every_other_connection_sees_the_write) {
  std::vector<std::int64_t> counts;
  for (int i = 0; i < 5; ++i) {
    submit([i](Db& db) { return insert(db, i); },
           [&](const Result<void>&) { counts.push_back(seen("SELECT count(*) FROM t")); });
  }
  gate_.set_value();
  writer_->drain();
  ASSERT_EQ(counts.size(), 5u);
  EXPECT_GE(counts[0], 1);
  EXPECT_EQ(counts[4], 5);
}

TEST_F(WriterTest, every_committed_hook_of_a_group_runs_before_its_first_done) {
  std::string order;
  // The first may be taken alone; the others wait behind it as one group.
  for (int i = 0; i < 4; ++i) {
    writer_->submit<int>(
        Space::keeps,
        [i](Db& db) -> Result<int> {
          RB_TRY(insert(db, i));
          return i;
        },
        [&](const Result<int>&) { order += 'd'; }, [&](int) { order += 'c'; });
  }
  gate_.set_value();
  writer_->drain();
  EXPECT_TRUE(order == "ccccdddd" || order == "cdcccddd" || order == "ccddccdd" ||
              order == "cccdddcd")
      << order;
}

}  // namespace
}  // namespace reachback::server
