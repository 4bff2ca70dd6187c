// T44 on the database's chain: what is deleted, changed, inserted, reordered or cut off is named by
// its position; and our own connection can do none of it.
#include "server/store_sqlite/audit_verify.h"

#include <gtest/gtest.h>

#include <utility>

#include "server/ports/console_app.h"
#include "server/store_sqlite/schema.h"
#include "server/store_sqlite/store_sqlite.h"
#include "testing/conformance_stores.h"
#include "testing/sample_action.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

using testing::sample_audit;
using testing::wait_for;

class AuditRows : public ::testing::Test {
 protected:
  // Two actions with two rows each, an application, a token, a library file added and removed.
  void SetUp() override {
    options_.path = folder_ / "db";
    options_.now = [] { return testing::sample_time(5); };
    ASSERT_OK(SqliteStore::create(options_));
    auto store = SqliteStore::open(options_);
    ASSERT_OK(store);
    for (int i = 0; i < 2; ++i) {
      auto a = wait_for<Inserted>([&](auto done) {
        AuditEntry entry = sample_audit("accepted");
        entry.token_id = "jti";
        entry.peer_ip = "192.0.2.1";
        entry.request = Sha256{1, 2, 3};
        (*store)->actions().insert(
            testing::sample_action(random_, tenant_, testing::sample_machine_id(random_)), {}, {},
            entry, done);
      });
      ASSERT_OK(a);
      ASSERT_OK(wait_for<action::Action>([&](auto done) {
        (*store)->actions().replace(testing::sample_cancelled(a->action), sample_audit("finished"),
                                    done);
      }));
    }
    App app;
    app.tenant = tenant_;
    app.id = AppId::make(random_);
    app.name = "soar";
    app.roles = {"Machine.LiveResponse"};
    app.created = testing::sample_time(1);
    ASSERT_OK(wait_for([&](auto done) { (*store)->apps().add_app(app, done); }));
    ASSERT_OK(wait_for(
        [&](auto done) { (*store)->apps().set_secret(tenant_, app.id, Sha256{9}, done); }));
    ASSERT_OK(wait_for([&](auto done) { (*store)->apps().remove_app(tenant_, app.id, done); }));
    LibraryFile file;
    file.tenant = tenant_;
    file.name = "collect.sh";
    file.blob = "b";
    file.created_by = "ann";
    file.created = file.updated = testing::sample_time(2);
    ASSERT_OK(wait_for<LibraryFile>(
        [&](auto done) { (*store)->library().put(file, /*replace=*/false, done); }));
    ASSERT_OK(
        wait_for([&](auto done) { (*store)->library().remove(tenant_, "collect.sh", done); }));
    ASSERT_OK((*store)->close());
  }

  AuditRowsReport verify(std::vector<AuditHead> kept = {}) {
    auto report = verify_audit_rows(options_.path, std::move(kept));
    EXPECT_OK(report);
    return report ? *report : AuditRowsReport();
  }
  // What somebody does who has the database and needs no permission of ours.
  void tamper(const std::string& sql) {
    auto db = Db::open(options_.path, Db::Mode::read_write, "");
    ASSERT_OK(db);
    const std::string all =
        "DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_deleted;"
        "DROP TRIGGER IF EXISTS audit_only_grows;" +
        sql;
    ASSERT_OK((*db)->exec(all.c_str()));
  }
  void expect_problem_at(std::uint64_t seq, const std::string& sql) {
    std::string before = *read_file(options_.path);
    tamper(sql);
    auto report = verify();
    ASSERT_TRUE(report.problem.has_value()) << sql;
    EXPECT_EQ(report.problem->seq, seq) << sql << ": " << report.problem->what;
    EXPECT_EQ(report.rows, seq - 1);
    ASSERT_OK(write_file_durably(options_.path, before));
    ASSERT_FALSE(verify().problem.has_value());
  }

  static constexpr std::uint64_t kRows = 9;
  testing::TemporaryFolder folder_;
  SqliteStoreOptions options_;
  testing::SeededRandom random_{3};
  TenantId tenant_ = TenantId::make(random_);
};

TEST_F(AuditRows, every_change_of_every_table_is_one_row_of_the_chain) {
  auto report = verify();
  EXPECT_FALSE(report.problem.has_value()) << report.problem->what;
  EXPECT_EQ(report.rows, kRows);
  auto db = Db::open(options_.path, Db::Mode::read_only, "");
  ASSERT_OK(db);
  Query query(**db, "SELECT kind, principal, result FROM audit ORDER BY seq");
  std::string all;
  while (*query.row()) {
    for (int column = 0; column < 3; ++column) {
      all.append(query.bytes_at(column)).append(column < 2 ? "|" : "\n");
    }
  }
  EXPECT_EQ(all,
            "accepted|ann@example.com|pending\nfinished|ann@example.com|cancelled\n"
            "accepted|ann@example.com|pending\nfinished|ann@example.com|cancelled\n"
            "app_created|local administrator|\napp_rotated|local administrator|\n"
            "app_deleted|local administrator|\nlibrary_added|ann|\nlibrary_removed||\n");
}

TEST_F(AuditRows, T44_a_changed_row_is_named_whatever_was_changed) {
  for (std::uint64_t seq = 1; seq <= kRows; ++seq) {
    const std::string where = " WHERE seq = " + std::to_string(seq);
    for (const char* set :
         {"tenant = zeroblob(16)", "action = zeroblob(16)", "at = at + 1", "kind = kind || 'x'",
          "principal = 'eve'", "object = object || 'x'", "detail = detail || 'x'", "result = 'x'",
          "token_id = token_id || 'x'", "peer_ip = peer_ip || 'x'", "request = zeroblob(32)",
          "hash = zeroblob(32)"}) {
      expect_problem_at(seq, "UPDATE audit SET " + std::string(set) + where);
    }
  }
}

TEST_F(AuditRows, T44_bytes_moved_from_one_field_to_the_next_are_seen) {
  expect_problem_at(1,
                    "UPDATE audit SET kind = 'accept', principal = 'ed' || principal"
                    " WHERE seq = 1");
  expect_problem_at(5, "UPDATE audit SET request = x'' WHERE seq = 5");
}

TEST_F(AuditRows, T44_a_deleted_an_inserted_and_a_moved_row_are_named) {
  for (std::uint64_t seq = 1; seq < kRows; ++seq) {
    const std::string n = std::to_string(seq), next = std::to_string(seq + 1);
    expect_problem_at(seq, "DELETE FROM audit WHERE seq = " + n);
    // Closed up again behind the deleted one.
    expect_problem_at(seq, "DELETE FROM audit WHERE seq = " + n +
                               "; UPDATE audit SET seq = seq - 1 WHERE seq > " + n);
    expect_problem_at(seq, "UPDATE audit SET seq = 1000 WHERE seq = " + n +
                               "; UPDATE audit SET seq = " + n + " WHERE seq = " + next +
                               "; UPDATE audit SET seq = " + next + " WHERE seq = 1000");
    // Made room for, and a copy of another row put there.
    expect_problem_at(
        seq, "UPDATE audit SET seq = -(seq + 1) WHERE seq >= " + n +
                 "; UPDATE audit SET seq = -seq WHERE seq < 0; INSERT INTO audit SELECT " + n +
                 ", tenant, action, at, kind, principal, object, detail, result, token_id, peer_ip,"
                 " request, hash FROM audit WHERE seq = " +
                 std::to_string(seq == kRows - 1 ? 1 : kRows));
  }
  expect_problem_at(kRows + 1,
                    "INSERT INTO audit SELECT 10, tenant, action, at, kind, principal,"
                    " object, detail, result, token_id, peer_ip, request, hash FROM audit"
                    " WHERE seq = 1");
}

TEST_F(AuditRows, T44_a_cut_off_end_is_seen_with_a_kept_head) {
  AuditHead kept = verify().head;
  EXPECT_FALSE(verify({kept}).problem.has_value());
  tamper("DELETE FROM audit WHERE seq > 7");
  EXPECT_FALSE(verify().problem.has_value()) << "by itself a shorter chain is a good one";
  auto report = verify({AuditHead{}, kept});
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->seq, 8u);
  // Grown again by rows that fit each other.
  {
    auto store = SqliteStore::open(options_);
    ASSERT_OK(store);
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK(wait_for<Inserted>([&](auto done) {
        (*store)->actions().insert(
            testing::sample_action(random_, tenant_, testing::sample_machine_id(random_)), {}, {},
            sample_audit("accepted"), done);
      }));
    }
  }
  EXPECT_FALSE(verify().problem.has_value());
  report = verify({kept});
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->seq, kRows);
}

TEST_F(AuditRows, our_own_connection_cannot_change_delete_or_replace_a_row) {
  auto db = Db::open(options_.path, Db::Mode::read_write, "");
  ASSERT_OK(db);
  const std::string copy =
      " INTO audit SELECT 3, tenant, action, at, kind, principal, object, detail,"
      " result, token_id, peer_ip, request, hash FROM audit WHERE seq = 1";
  for (const std::string& sql :
       {std::string("UPDATE audit SET detail = ''"), std::string("DELETE FROM audit"),
        std::string("DELETE FROM audit WHERE seq = 9"), "INSERT OR REPLACE" + copy,
        "REPLACE" + copy, "INSERT OR IGNORE" + copy,
        std::string("UPDATE OR REPLACE audit SET seq = 1 WHERE seq = 2")}) {
    EXPECT_FALSE((*db)->exec(sql.c_str()).ok()) << sql;
  }
  auto report = verify();
  EXPECT_EQ(report.rows, kRows);
  EXPECT_FALSE(report.problem.has_value());
}

TEST_F(AuditRows, rows_from_before_the_chain_are_chained_in_their_order) {
  const std::string newest = std::exchange(options_.path, folder_ / "old");
  {
    auto db = Db::open(options_.path, Db::Mode::create, "");
    ASSERT_OK(db);
    ASSERT_OK(create_schema(**db, options_.path, 2));
    const std::string copy =
        "ATTACH '" + newest +
        "' AS newest;"
        "INSERT INTO actions SELECT key, tenant, id, machine, status, created, deadline, version,"
        " document FROM newest.actions;"
        "INSERT INTO audit(tenant, action, at, kind, principal, detail)"
        " SELECT tenant, id, created, 'accepted', 'ann', 'old' FROM newest.actions;";
    ASSERT_OK((*db)->exec(copy.c_str()));
  }
  {
    auto store = SqliteStore::open(options_);
    ASSERT_OK(store);
    ASSERT_OK((*store)->close());
  }
  auto report = verify();
  EXPECT_FALSE(report.problem.has_value());
  EXPECT_EQ(report.rows, 2u);
  auto db = Db::open(options_.path, Db::Mode::read_only, "");
  ASSERT_OK(db);
  EXPECT_EQ(*(*db)->number("PRAGMA user_version"), kSchemaVersion);
}

TEST_F(AuditRows, are_read_backwards_each_once_with_the_machine_of_their_action) {
  auto store = SqliteStore::open(options_);
  ASSERT_OK(store);
  ASSERT_OK(wait_for([&](auto d) {
    (*store)->apps().add_token({tenant_, Sha256{7}, testing::sample_time(9), 1, {}, {}},
                               {"ann@corp.example", "jti", "192.0.2.7", Sha256{4}}, d);
  }));
  AuditChain& rows = (*store)->audit_rows();
  const std::uint64_t end = *rows.end();
  EXPECT_EQ(end, kRows + 2);
  for (std::size_t most : {1u, 4u, 100u}) {
    std::uint64_t position = end, next = end - 1;
    bool begin = false;
    std::size_t with_machine = 0;
    while (!begin) {
      auto piece = rows.before(position, most);
      ASSERT_OK(piece);
      ASSERT_LE(piece->items.size(), most);
      for (const AuditItem& item : piece->items) {
        EXPECT_EQ(item.record, next--);
        EXPECT_EQ(item.tenant, tenant_);
        position = item.position;
        with_machine += item.action && item.machine ? 1 : 0;
      }
      begin = piece->begin;
    }
    EXPECT_EQ(next, 0u);
    EXPECT_EQ(with_machine, 4u) << "two rows of each of two actions";
  }
  auto newest = rows.before(end, 1);
  ASSERT_OK(newest);
  EXPECT_EQ(newest->items[0].kind, "enrollment_token_created");
  EXPECT_EQ(newest->items[0].principal, "ann@corp.example");
  EXPECT_EQ(newest->items[0].token_id, "jti");
  EXPECT_EQ(newest->items[0].peer_ip, "192.0.2.7");
  EXPECT_EQ(newest->items[0].request, "04" + std::string(62, '0'));
  EXPECT_CODE(rows.before(end + 1, 1), invalid_query);
  EXPECT_TRUE(rows.before(1, 5)->begin);
  EXPECT_TRUE(rows.before(0, 5)->items.empty());
  ASSERT_OK((*store)->close());
}

// A data directory from before the console: it gets the application once, and who deletes it stays
// without.
TEST_F(AuditRows, an_older_database_gets_the_consoles_application_once) {
  options_.path = folder_ / "old";
  const TenantId tenant = TenantId::make(random_);
  {
    auto db = Db::open(options_.path, Db::Mode::create, "");
    ASSERT_OK(db);
    ASSERT_OK(create_schema(**db, options_.path, 7));
    ASSERT_OK(Query(**db, "INSERT INTO tenants(id, name) VALUES(?, 'default')")
                  .blob(tenant.bytes())
                  .run());
    ASSERT_OK(Query(**db,
                    "INSERT INTO apps(tenant, id, name, roles, secret, created)"
                    " VALUES(?, x'00112233445566778899aabbccddeeff', ?, x'01', x'', 0)")
                  .blob(tenant.bytes())
                  .text(kConsoleAppName)
                  .run());
  }
  {
    auto store = SqliteStore::open(options_);
    ASSERT_OK(store);
    auto app = wait_for<App>([&](auto d) { (*store)->apps().app(tenant, console_app_id(), d); });
    ASSERT_OK(app);
    EXPECT_EQ(app->name, "Reachback console (built in)") << "the name was taken";
    EXPECT_EQ(app->scopes, all_scopes());
    EXPECT_EQ(app->redirect_uris, std::vector<std::string>{"/console/signed-in"});
    EXPECT_FALSE(app->secret.has_value());
    ASSERT_OK(wait_for([&](auto d) { (*store)->apps().remove_app(tenant, console_app_id(), d); }));
    ASSERT_OK((*store)->close());
  }
  auto again = SqliteStore::open(options_);
  ASSERT_OK(again);
  EXPECT_CODE(wait_for<App>([&](auto d) { (*again)->apps().app(tenant, console_app_id(), d); }),
              not_found);
  ASSERT_OK((*again)->close());
  auto report = verify();
  EXPECT_FALSE(report.problem.has_value());
  EXPECT_EQ(report.rows, 2u) << "made and deleted";
}

}  // namespace
}  // namespace reachback::server
