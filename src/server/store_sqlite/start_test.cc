// A start with many ended actions reads what is due and the ends of things, never whole tables:
// SQLite counts the steps of full scans in every statement of the store's connections.
#include <gtest/gtest.h>

#include <mutex>

#include "server/store_sqlite/sqlite.h"
#include "server/store_sqlite/store_sqlite.h"
#include "testing/conformance_stores.h"
#include "testing/sample_action.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

using testing::wait_for;

constexpr int kActions = 20'000;

// Every connection that is opened while this is registered.
std::mutex connections_mutex;
std::vector<sqlite3*> connections;
int note_connection(sqlite3* db, const char** /*error*/, const void* /*api*/) {
  std::lock_guard lock(connections_mutex);
  connections.push_back(db);
  return SQLITE_OK;
}

// The statements that stepped through a table, and how far.
std::string full_scans(int allowed) {
  std::string out;
  std::lock_guard lock(connections_mutex);
  for (sqlite3* db : connections) {
    for (sqlite3_stmt* s = sqlite3_next_stmt(db, nullptr); s != nullptr;
         s = sqlite3_next_stmt(db, s)) {
      int steps = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
      if (steps > allowed) {
        out += std::to_string(steps) + " steps: " + sqlite3_sql(s) + "\n";
      }
    }
  }
  return out;
}

TEST(Start, with_many_ended_actions_scans_no_table) {
  testing::TemporaryFolder folder;
  testing::SeededRandom random(11);
  SqliteStoreOptions options;
  options.path = folder / "db";
  ASSERT_OK(SqliteStore::create(options));
  TenantId tenant = TenantId::make(random);
  {
    auto store = SqliteStore::open(options);
    ASSERT_OK(store);
    ASSERT_OK(wait_for([&](auto done) { (*store)->apps().add_tenant({tenant, "default"}, done); }));
    auto a = wait_for<Inserted>([&](auto done) {
      (*store)->actions().insert(
          testing::sample_action(random, tenant, testing::sample_machine_id(random)), {}, {},
          testing::sample_audit("accepted"), done);
    });
    ASSERT_OK(a);
    ASSERT_OK(wait_for<action::Action>([&](auto done) {
      (*store)->actions().replace(testing::sample_cancelled(a->action),
                                  testing::sample_audit("finished"), done);
    }));
    ASSERT_OK((*store)->close());
    auto db = Db::open(options.path, Db::Mode::read_write, "");
    ASSERT_OK(db);
    const std::string copies =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
        std::to_string(kActions) +
        ") INSERT INTO actions(tenant, id, machine, status, created, deadline, version, document)"
        " SELECT tenant, randomblob(16), machine, status, created + i, NULL, version, document"
        " FROM actions, n WHERE key = 1;"
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < " +
        std::to_string(kActions) +
        ") INSERT INTO audit SELECT i, tenant, action, at, kind, principal, object, detail, result,"
        " token_id, peer_ip, request, hash FROM audit, n WHERE seq = 1;";
    ASSERT_OK((*db)->exec(copies.c_str()));
  }
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(note_connection));
  auto store = SqliteStore::open(options);
  sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(note_connection));
  ASSERT_OK(store);
  ASSERT_OK(wait_for<std::vector<Tenant>>([&](auto done) { (*store)->apps().tenants(done); }));
  ASSERT_OK(wait_for<std::vector<action::Action>>(
      [&](auto done) { (*store)->actions().due(testing::sample_time(1'000'000), 256, done); }));
  ASSERT_OK((*store)->audit_head());
  // What the first requests ask.
  auto page = wait_for<ActionPage>([&](auto done) {
    (*store)->actions().list({tenant, {}}, odata::everything(action_entity(), 0, 10), {}, done);
  });
  ASSERT_OK(page);
  ASSERT_EQ(page->items.size(), 10u);
  MachineId machine = testing::sample_machine_id(random);
  ASSERT_OK(wait_for<std::optional<action::Action>>(
      [&](auto done) { (*store)->actions().active_of(tenant, machine, done); }));
  auto fresh = wait_for<Inserted>([&](auto done) {
    (*store)->actions().insert(testing::sample_action(random, tenant, machine), {},
                               InsertLimits{50}, testing::sample_audit("accepted"), done);
  });
  ASSERT_OK(fresh);
  EXPECT_GE(connections.size(), 2u);
  EXPECT_EQ(full_scans(/*allowed=*/12), "");
  connections.clear();
}

}  // namespace
}  // namespace reachback::server
