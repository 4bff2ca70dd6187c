#include "testing/crash_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace reachback::testing {
namespace {

// A connection on the simulated disk; -1 from number() is an error.
class Connection {
 public:
  explicit Connection(const CrashVfs& vfs) {
    sqlite3_open_v2("db", &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs.name().c_str());
  }
  ~Connection() { sqlite3_close(db_); }
  bool exec(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  int number(const char* sql) {
    sqlite3_stmt* s = nullptr;
    int n = -1;
    if (sqlite3_prepare_v2(db_, sql, -1, &s, nullptr) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
      n = sqlite3_column_int(s, 0);
    }
    sqlite3_finalize(s);
    return n;
  }

 private:
  sqlite3* db_ = nullptr;
};

class CrashVfsTest : public ::testing::TestWithParam<const char*> {
 protected:
  // Rows that survive of `rows` inserts, one transaction each.
  int survivors(const char* synchronous, int rows, CrashVfs::Loss loss) {
    CrashVfs vfs(1);
    {
      Connection c(vfs);
      EXPECT_TRUE(c.exec(GetParam()));
      EXPECT_TRUE(c.exec("PRAGMA synchronous=EXTRA; CREATE TABLE t(x)"));
    }
    vfs.restart(loss);
    {
      Connection c(vfs);
      EXPECT_TRUE(c.exec(synchronous));
      for (int i = 0; i < rows; ++i) {
        EXPECT_TRUE(c.exec("INSERT INTO t VALUES(1)"));
      }
      vfs.cut_power_at(1);
      EXPECT_FALSE(c.exec("INSERT INTO t VALUES(2)"));
      EXPECT_TRUE(vfs.power_is_off());
    }
    vfs.restart(loss);
    Connection c(vfs);
    EXPECT_EQ(c.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
              1);
    return c.number("SELECT count(*) FROM t WHERE x = 1");
  }
};

TEST_P(CrashVfsTest, synced_rows_survive_and_unsynced_ones_do_not) {
  // EXTRA: a rollback journal's deletion is synced too; with a log it is the same as FULL.
  EXPECT_EQ(survivors("PRAGMA synchronous=EXTRA", 20, CrashVfs::Loss::all), 20);
  EXPECT_EQ(survivors("PRAGMA synchronous=EXTRA", 20, CrashVfs::Loss::random), 20);
  EXPECT_EQ(survivors("PRAGMA synchronous=OFF", 20, CrashVfs::Loss::all), 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, CrashVfsTest,
                         ::testing::Values("PRAGMA journal_mode=WAL",
                                           "PRAGMA journal_mode=DELETE"));

TEST(CrashVfs, a_failed_sync_loses_what_it_should_have_written) {
  CrashVfs vfs(1);
  {
    Connection c(vfs);
    ASSERT_TRUE(c.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x); PRAGMA synchronous=FULL"));
    vfs.fail_syncs(true);
    EXPECT_FALSE(c.exec("INSERT INTO t VALUES(1)"));
    vfs.fail_syncs(false);
    vfs.cut_power_at(1);
  }
  vfs.restart(CrashVfs::Loss::all);
  Connection c(vfs);
  EXPECT_EQ(c.number("SELECT count(*) FROM t"), 0);
}

TEST(CrashVfs, a_full_disk_refuses_writes_until_there_is_room) {
  CrashVfs vfs(1);
  Connection c(vfs);
  ASSERT_TRUE(c.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x)"));
  vfs.set_capacity(100'000);
  EXPECT_FALSE(c.exec("INSERT INTO t VALUES(zeroblob(200000))"));
  vfs.set_capacity(UINT64_MAX);
  EXPECT_TRUE(c.exec("INSERT INTO t VALUES(zeroblob(200000))"));
}

TEST(CrashVfs, two_connections_lock_each_other_out) {
  CrashVfs vfs(1);
  Connection a(vfs), b(vfs);
  ASSERT_TRUE(a.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x)"));
  ASSERT_TRUE(a.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES(1)"));
  EXPECT_FALSE(b.exec("BEGIN IMMEDIATE"));
  EXPECT_EQ(b.number("SELECT count(*) FROM t"), 0);
  ASSERT_TRUE(a.exec("COMMIT"));
  EXPECT_EQ(b.number("SELECT count(*) FROM t"), 1);
  EXPECT_TRUE(b.exec("BEGIN IMMEDIATE; COMMIT"));
}

}  // namespace
}  // namespace reachback::testing
