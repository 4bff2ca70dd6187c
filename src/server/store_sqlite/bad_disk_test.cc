// The store on a disk whose syncs fail or that is full.
#include <gtest/gtest.h>

#include "base/file.h"
#include "server/store_sqlite/log_rewrite.h"
#include "server/store_sqlite/store_sqlite.h"
#include "testing/conformance_stores.h"
#include "testing/crash_vfs.h"
#include "testing/sample_action.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

using action::Action;
using testing::CrashVfs;
using testing::sample_audit;

class BadDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.path = "db";
    options_.vfs = vfs_.name();
    ASSERT_OK(SqliteStore::create(options_));
    open();
  }
  void open() {
    auto store = SqliteStore::open(options_);
    ASSERT_OK(store);
    store_ = std::move(*store);
  }
  Result<Inserted> insert(const Action& a) {
    return testing::wait_for<Inserted>(
        [&](auto done) { store_->actions().insert(a, {}, {}, sample_audit("accepted"), done); });
  }
  Result<Action> get(const Action& a) {
    return testing::wait_for<Action>(
        [&](auto done) { store_->actions().get(a.tenant, a.id, done); });
  }
  Action fresh() {
    return testing::sample_action(random_, tenant_, testing::sample_machine_id(random_));
  }
  CrashVfs vfs_{5};
  testing::SeededRandom random_{5};
  TenantId tenant_ = TenantId::make(random_);
  SqliteStoreOptions options_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(BadDisk, F14_after_a_failed_sync_nothing_more_is_acknowledged_until_a_restart) {
  Action before = fresh();
  ASSERT_OK(insert(before));
  vfs_.fail_syncs(true);
  EXPECT_CODE(insert(fresh()), unavailable);
  vfs_.fail_syncs(false);
  EXPECT_CODE(insert(fresh()), unavailable);  // the disk works again, and is not trusted
  EXPECT_OK(get(before));
  EXPECT_CODE(store_->close(), unavailable);
  store_.reset();
  vfs_.restart(CrashVfs::Loss::all);
  open();
  EXPECT_OK(get(before));
  EXPECT_OK(insert(fresh()));
}

// The kernel shows what it could not write, as if it were on the disk.
TEST_F(BadDisk, F14_what_a_new_start_shows_stays_true_when_the_power_goes_then) {
  ASSERT_OK(insert(fresh()));
  int shown = 0;
  for (std::uint64_t nth = 1; nth <= 8; ++nth) {
    vfs_.fail_sync(nth);
    Action last = fresh();
    while (insert(last)) {
      last = fresh();
    }
    store_.reset();
    vfs_.fail_sync(0);
    open();
    const bool is_there = get(last).ok();
    shown += is_there ? 1 : 0;
    vfs_.cut_power_at(1);
    store_.reset();
    vfs_.restart(CrashVfs::Loss::all);
    open();
    EXPECT_EQ(get(last).ok(), is_there) << nth;
  }
  EXPECT_GT(shown, 0) << "a failed sync left nothing behind: this test shows nothing";
}

TEST(RewriteLog, leaves_a_long_log_on_a_real_disk_as_it_is) {
  testing::TemporaryFolder folder;
  const std::string database = folder / "db";
  ASSERT_OK(rewrite_log(database, ""));  // there is none
  testing::SeededRandom random(1);
  const std::string bytes = random.bytes((3 << 20) + 5);
  ASSERT_OK(write_file_durably(database, "a database"));
  ASSERT_OK(write_file_durably(database + "-wal", bytes));
  ASSERT_OK(rewrite_log(database, ""));
  EXPECT_EQ(*read_file(database + "-wal"), bytes);
}

// SQLite's own checkpoint passes over a failed sync, and the next one resets the log that had the
// only good copy of the pages.
TEST_F(BadDisk, F14_any_single_failed_sync_ends_acknowledgements_also_one_in_a_checkpoint) {
  options_.checkpoint_frames = 1;
  for (std::uint64_t nth = 1; nth <= 30; ++nth) {
    store_.reset();
    open();
    vfs_.fail_sync(nth);
    std::vector<Action> acked;
    Result<Inserted> r = Error{};
    do {
      r = insert(fresh());
      if (r) {
        acked.push_back(r->action);
      }
      ASSERT_LT(acked.size(), 100u) << "no sync was the " << nth << "th";
    } while (r);
    EXPECT_CODE(r, unavailable);
    vfs_.cut_power_at(1);
    store_.reset();
    vfs_.restart(CrashVfs::Loss::all);
    open();
    for (const Action& a : acked) {
      EXPECT_OK(get(a));
    }
  }
}

TEST_F(BadDisk, F16_a_full_disk_refuses_work_and_recovers_without_a_restart) {
  vfs_.set_capacity(2'000'000);
  std::vector<Action> acked;
  Result<Inserted> r = Error{};
  do {
    Action a = fresh();
    a.comment = std::string(20'000, 'c');
    r = insert(a);
    if (r) {
      acked.push_back(r->action);
    }
    ASSERT_LT(acked.size(), 1000u);
  } while (r);
  EXPECT_EQ(r.error().code, Errc::storage_full) << r.error().message;
  vfs_.set_capacity(UINT64_MAX);
  EXPECT_OK(insert(fresh()));
  for (const Action& a : acked) {
    EXPECT_EQ(*get(a), a);
  }
}

}  // namespace
}  // namespace reachback::server
