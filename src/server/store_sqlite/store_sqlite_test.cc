#include "server/store_sqlite/store_sqlite.h"

#include <thread>

#include "base/bytes.h"
#include "server/odata/parser.h"
#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/machine_rows.h"
#include "server/store_sqlite/schema.h"
#include "server/store_sqlite/sqlite.h"
#include "testing/conformance_action_store.h"
#include "testing/conformance_app_store.h"
#include "testing/conformance_library_store.h"
#include "testing/conformance_lists.h"
#include "testing/conformance_machine_store.h"
#include "testing/conformance_user_store.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

using testing::sample_action;
using testing::sample_audit;
using testing::SeededRandom;
using testing::wait_for;

class SqliteUnderTest : public testing::StoresUnderTest {
 public:
  static std::unique_ptr<testing::StoresUnderTest> make(std::size_t cached, std::size_t group_max) {
    auto made = std::make_unique<SqliteUnderTest>();
    SqliteStoreOptions options;
    options.path = made->folder_ / "db";
    options.cached_actions = cached;
    options.group_max = group_max;
    options.readers = 2;
    if (!SqliteStore::create(options)) {
      return nullptr;
    }
    auto store = SqliteStore::open(options);
    if (!store) {
      return nullptr;
    }
    made->store_ = std::move(*store);
    return made;
  }
  ActionStore& actions() override { return store_->actions(); }
  MachineStore& machines() override { return store_->machines(); }
  LibraryStore& library() override { return store_->library(); }
  AppStore& apps() override { return store_->apps(); }
  UserStore& users() override { return store_->users(); }

 private:
  testing::TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace
}  // namespace reachback::server

namespace reachback::testing {
namespace {

const StoresMaker kSqlite{"sqlite", [] { return server::SqliteUnderTest::make(10'000, 256); }};
const StoresMaker kBare{"sqlite_no_cache_no_groups",
                        [] { return server::SqliteUnderTest::make(0, 1); }};

INSTANTIATE_TEST_SUITE_P(Sqlite, ActionStoreConformance, ::testing::Values(kSqlite, kBare));
INSTANTIATE_TEST_SUITE_P(Sqlite, ListConformance, ::testing::Values(kSqlite));
INSTANTIATE_TEST_SUITE_P(Sqlite, MachineStoreConformance, ::testing::Values(kSqlite));
INSTANTIATE_TEST_SUITE_P(Sqlite, LibraryStoreConformance, ::testing::Values(kSqlite));
INSTANTIATE_TEST_SUITE_P(Sqlite, AppStoreConformance, ::testing::Values(kSqlite));
INSTANTIATE_TEST_SUITE_P(Sqlite, UserStoreConformance, ::testing::Values(kSqlite));

}  // namespace
}  // namespace reachback::testing

namespace reachback::server {
namespace {

class SqliteStoreFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.path = folder_ / "db";
    options_.readers = 1;
  }
  std::unique_ptr<SqliteStore> open() {
    auto store = SqliteStore::open(options_);
    EXPECT_OK(store);
    return store ? std::move(*store) : nullptr;
  }
  // SQL past the store, on its closed database.
  void change(const char* sql) {
    auto db = Db::open(options_.path, Db::Mode::read_write, "");
    ASSERT_OK(db);
    ASSERT_OK((*db)->exec(sql));
  }
  std::int64_t number(const char* sql) {
    auto db = Db::open(options_.path, Db::Mode::read_write, "");
    EXPECT_OK(db);
    auto n = (*db)->number(sql);
    EXPECT_OK(n);
    return n ? *n : -1;
  }
  Result<Inserted> insert(SqliteStore& store, const action::Action& a) {
    return wait_for<Inserted>(
        [&](auto done) { store.actions().insert(a, {}, {}, sample_audit("accepted"), done); });
  }
  Result<action::Action> get(SqliteStore& store, const action::Action& a) {
    return wait_for<action::Action>([&](auto done) { store.actions().get(a.tenant, a.id, done); });
  }
  action::Action fresh() {
    return sample_action(random_, TenantId::make(random_), testing::sample_machine_id(random_));
  }

  testing::TemporaryFolder folder_;
  SqliteStoreOptions options_;
  SeededRandom random_{3};
};

TEST_F(SqliteStoreFiles, what_is_acknowledged_is_there_after_a_restart) {
  ASSERT_OK(SqliteStore::create(options_));
  action::Action a = fresh();
  {
    auto store = open();
    ASSERT_OK(insert(*store, a));
    EXPECT_OK(store->close());
    EXPECT_OK(store->close());
    EXPECT_CODE(insert(*store, fresh()), unavailable);
    EXPECT_CODE(get(*store, a), unavailable);
  }
  auto store = open();
  a.version = 1;
  EXPECT_EQ(*get(*store, a), a);
}

TEST_F(SqliteStoreFiles, a_damaged_row_does_not_keep_the_others_from_the_reaper_or_the_list) {
  ASSERT_OK(SqliteStore::create(options_));
  std::vector<action::Action> all;
  {
    auto store = open();
    for (int i = 0; i < 3; ++i) {
      action::Action a = fresh();
      a.tenant = all.empty() ? a.tenant : all.front().tenant;
      a.created += std::chrono::seconds(i);
      a.queue_deadline = a.created + std::chrono::hours(1);
      auto stored = insert(*store, a);
      ASSERT_OK(stored);
      all.push_back(stored->action);
    }
    ASSERT_OK(store->close());
  }
  change("UPDATE actions SET document = x'ff' WHERE key = 1");
  auto store = open();
  EXPECT_CODE(get(*store, all[0]), corrupt);
  for (std::size_t limit : {std::size_t{1}, std::size_t{100}}) {
    auto due = wait_for<std::vector<action::Action>>([&](auto done) {
      store->actions().due(all[2].queue_deadline + std::chrono::hours(24), limit, done);
    });
    ASSERT_OK(due);
    ASSERT_EQ(due->size(), std::min<std::size_t>(limit, 2));
    EXPECT_EQ(due->front(), all[1]);
  }
  auto listed = wait_for<ActionPage>([&](auto done) {
    store->actions().list({all[0].tenant, {}}, odata::everything(action_entity(), 0, 100), {},
                          done);
  });
  ASSERT_OK(listed);
  EXPECT_EQ(listed->items, (std::vector{all[2], all[1]}));
}

TEST_F(SqliteStoreFiles, close_answers_every_write_that_waits) {
  ASSERT_OK(SqliteStore::create(options_));
  auto store = open();
  int answered = 0;
  for (int i = 0; i < 500; ++i) {
    store->actions().insert(fresh(), {}, {}, sample_audit("accepted"),
                            [&](const Result<Inserted>& r) { answered += r.ok(); });
  }
  EXPECT_OK(store->close());
  EXPECT_EQ(answered, 500);
}

TEST_F(SqliteStoreFiles, a_missing_database_is_told_and_not_made) {
  EXPECT_CODE(SqliteStore::open(options_), not_found);
  EXPECT_FALSE(path_exists(options_.path));
}

TEST_F(SqliteStoreFiles, a_database_is_made_once) {
  ASSERT_OK(SqliteStore::create(options_));
  EXPECT_CODE(SqliteStore::create(options_), already_exists);
}

TEST_F(SqliteStoreFiles, a_half_made_database_is_refused_and_can_be_made_again) {
  ASSERT_OK(write_file_durably(options_.path, ""));
  EXPECT_CODE(SqliteStore::open(options_), corrupt);
  ASSERT_OK(SqliteStore::create(options_));
  open();
}

TEST_F(SqliteStoreFiles, what_is_not_a_database_of_ours_is_refused) {
  ASSERT_OK(write_file_durably(options_.path, std::string(10'000, 'x')));
  EXPECT_CODE(SqliteStore::open(options_), corrupt);
  EXPECT_CODE(SqliteStore::create(options_), corrupt);
  ASSERT_OK(write_file_durably(options_.path, ""));
  change("CREATE TABLE t(x); PRAGMA user_version=1;");
  EXPECT_CODE(SqliteStore::open(options_), corrupt);
  EXPECT_CODE(SqliteStore::create(options_), already_exists);
}

TEST_F(SqliteStoreFiles, F38_a_newer_schema_is_refused_and_not_changed) {
  ASSERT_OK(SqliteStore::create(options_));
  change("PRAGMA user_version=99");
  auto r = SqliteStore::open(options_);
  EXPECT_CODE(r, mismatch);
  ASSERT_FALSE(r.ok());
  EXPECT_NE(r.error().message.find("version 99"), std::string::npos) << r.error().message;
  EXPECT_EQ(number("PRAGMA user_version"), 99);
}

TEST_F(SqliteStoreFiles, F37_a_database_of_version_1_is_brought_forward_and_keeps_its_machines) {
  {
    auto db = Db::open(options_.path, Db::Mode::create, "");
    ASSERT_OK(db);
    ASSERT_OK(create_schema(**db, options_.path, 1));
  }
  const std::string machine =
      "INSERT INTO machines VALUES(1, x'00000000000000000000000000000001',"
      " x'0000000000000000000000000000000000000002', x'00', x'01', 'web-01', 'Linux', '', '', '',"
      " '', '', x'" +
      to_hex(encode_list({"10.0.0.1"})) + "', x'" + to_hex(encode_list({"web"})) +
      "', 1, 2, x'33', NULL, 0);";
  change(machine.c_str());
  auto store = open();
  auto m = wait_for<Machine>([&](auto done) {
    store->machines().find(*MachineId::from_bytes(std::string(19, '\0') + '\2'), done);
  });
  ASSERT_OK(m);
  EXPECT_EQ(m->name, "web-01");
  EXPECT_EQ(m->contact, "3");
  EXPECT_EQ(m->confirmed_contact, std::nullopt) << "not known: the next one is taken";
  EXPECT_EQ(m->quarantine, std::nullopt);
  EXPECT_EQ(m->order_keys_version, 1u);
  EXPECT_EQ(m->addresses, (std::vector<NetworkAddress>{{"10.0.0.1", "", {}, {}}}));
  auto query = odata::everything(machine_entity(), 0, 9);
  query.filter =
      *odata::parse_filter(machine_entity(), "machineTags/any(t: t eq 'web')", {1000, 8, 8, 8, 8});
  auto tagged = wait_for<Page<Machine>>([&](auto done) {
    store->machines().list({m->tenant, {}}, query,
                           {[](const MachineId&, Timestamp) { return false; }}, {}, done);
  });
  EXPECT_EQ(tagged->items, std::vector<Machine>{*m});
  auto found = wait_for<std::vector<Machine>>([&](auto done) {
    store->machines().with_address({m->tenant, {}}, "10.0.0.1", m->last_seen, m->last_seen, 9,
                                   done);
  });
  EXPECT_EQ(*found, std::vector<Machine>{*m});
  store->close().ok();
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
}

TEST_F(SqliteStoreFiles, a_machine_that_makes_up_addresses_fills_no_disk) {
  ASSERT_OK(SqliteStore::create(options_));
  open()->close().ok();
  auto db = Db::open(options_.path, Db::Mode::read_write, "");
  ASSERT_OK(db);
  const TenantId tenant = TenantId::make(random_);
  const MachineId machine = testing::sample_machine_id(random_);
  ASSERT_OK((*db)->exec("BEGIN"));
  for (int i = 0; i < 1100; ++i) {
    const std::string ip = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    const Timestamp at = testing::sample_time(i);
    ASSERT_OK(follow_addresses(**db, tenant, machine, {{ip, "", {}, {}}}, at, at));
  }
  EXPECT_EQ(*(*db)->number("SELECT count(*) FROM machine_addresses WHERE until IS NOT NULL"), 1000);
  EXPECT_EQ(*(*db)->number("SELECT count(*) FROM machine_addresses WHERE until IS NULL"), 1);
  EXPECT_EQ(*(*db)->number("SELECT count(*) FROM machine_addresses WHERE address = '10.0.0.0'"), 0);
  // And none of those that ended long ago.
  const Timestamp later = testing::sample_time(2000) + kAddressHistory;
  ASSERT_OK(follow_addresses(**db, tenant, machine, {{"10.9.9.9", "", {}, {}}}, later, later));
  EXPECT_EQ(*(*db)->number("SELECT count(*) FROM machine_addresses"), 2);
  ASSERT_OK((*db)->exec("COMMIT"));
}

TEST_F(SqliteStoreFiles, F37_actions_of_version_3_can_be_listed_by_what_their_documents_say) {
  action::Action a = fresh();
  a.machine_name = "Web-01";
  a.version = 1;
  a.updated = a.created + Duration(7);
  {
    auto db = Db::open(options_.path, Db::Mode::create, "");
    ASSERT_OK(db);
    ASSERT_OK(create_schema(**db, options_.path, 3));
    const std::string insert =
        "INSERT INTO actions VALUES(1, x'" + to_hex(a.tenant.bytes()) + "', x'" +
        to_hex(a.id.bytes()) + "', x'" + to_hex(a.machine.bytes()) + "', 0, " +
        std::to_string(to_micros(a.created)) + ", 1, 1, x'" + to_hex(encode_action(a)) +
        "'), (2, x'" + to_hex(a.tenant.bytes()) + "', x'" + to_hex(std::string(16, 'i')) + "', x'" +
        to_hex(std::string(20, 'm')) + "', 5, 77, NULL, 1, x'ff');";
    ASSERT_OK((*db)->exec(insert.c_str()));
  }
  auto store = open();
  for (const char* filter :
       {"requestor eq 'ann@example.com'", "computerDnsName eq 'WEB-01'", "externalId eq 'case 7'",
        "lastUpdateDateTimeUtc eq 2026-01-01T00:00:00.000007Z", "title eq 'title'"}) {
    odata::Query query = odata::everything(action_entity(), 0, 10);
    query.filter = *odata::parse_filter(action_entity(), filter, {1000, 8, 8, 8, 8});
    auto page = wait_for<ActionPage>(
        [&](auto done) { store->actions().list({a.tenant, {}}, query, {}, done); });
    ASSERT_OK(page);
    EXPECT_EQ(page->items, std::vector{a}) << filter;
  }
  store->close().ok();
  EXPECT_EQ(number("SELECT count(*) FROM actions WHERE key = 2 AND host = '' AND requestor = ''"
                   " AND updated = 77 AND external_id IS NULL"),
            1)
      << "a damaged one is left as it is";
}

TEST_F(SqliteStoreFiles, F37_applications_of_version_5_keep_their_secrets_and_get_certificates) {
  App a;
  a.tenant = TenantId::make(random_);
  a.id = AppId::make(random_);
  a.name = "ops";
  a.roles = {"Machine.LiveResponse"};
  a.secret = testing::sample_digest(random_);
  a.created = from_micros(7);
  {
    auto db = Db::open(options_.path, Db::Mode::create, "");
    ASSERT_OK(db);
    ASSERT_OK(create_schema(**db, options_.path, 5));
    const std::string insert = "INSERT INTO apps VALUES(1, x'" + to_hex(a.tenant.bytes()) +
                               "', x'" + to_hex(a.id.bytes()) + "', 'ops', x'" +
                               to_hex(encode_list(a.roles)) + "', x'" +
                               to_hex(as_bytes(*a.secret)) + "', 7);";
    ASSERT_OK((*db)->exec(insert.c_str()));
  }
  auto store = open();
  auto read = [&] {
    return wait_for<App>([&](auto done) { store->apps().app(a.tenant, a.id, done); });
  };
  EXPECT_EQ(*read(), a);
  AppCertificate c{
      testing::sample_digest(random_), std::string(20, 's'), "key", "CN=a", {}, {}, {}};
  ASSERT_OK(
      wait_for([&](auto done) { store->apps().add_certificate(a.tenant, a.id, c, 10, done); }));
  a.certificates = {c};
  EXPECT_EQ(*read(), a);
  ASSERT_OK(wait_for([&](auto done) { store->apps().set_rate_factor(a.tenant, a.id, 9, done); }));
  ASSERT_OK(wait_for(
      [&](auto done) { store->apps().remove_certificate(a.tenant, a.id, c.thumbprint, done); }));
  store->close().ok();
  EXPECT_EQ(number("SELECT count(*) FROM audit WHERE kind IN ('app_certificate_added',"
                   " 'app_limits', 'app_certificate_removed')"),
            3)
      << "every change has its audit row";
}

TEST_F(SqliteStoreFiles, the_settings_are_those_that_durability_rests_on) {
  ASSERT_OK(SqliteStore::create(options_));
  open()->close().ok();
  EXPECT_EQ(number("PRAGMA page_size"), 8192);
  EXPECT_EQ(number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
}

TEST_F(SqliteStoreFiles, every_change_has_its_audit_row_and_audit_rows_stay) {
  ASSERT_OK(SqliteStore::create(options_));
  auto store = open();
  auto a = insert(*store, fresh());
  ASSERT_OK(a);
  ASSERT_OK(wait_for<action::Action>([&](auto done) {
    store->actions().replace(testing::sample_cancelled(a->action), sample_audit("finished"), done);
  }));
  action::Action illegal = a->action;
  illegal.version = 2;
  EXPECT_CODE(wait_for<action::Action>([&](auto done) {
                store->actions().replace(illegal, sample_audit("never"), done);
              }),
              internal);
  store->close().ok();
  EXPECT_EQ(number("SELECT count(*) FROM audit"), 2);
  EXPECT_EQ(number("SELECT count(*) FROM audit WHERE kind = 'finished' AND"
                   " principal = 'ann@example.com' AND detail = 'detail'"),
            1);
  auto db = Db::open(options_.path, Db::Mode::read_write, "");
  EXPECT_FALSE((*db)->exec("DELETE FROM audit").ok());
  EXPECT_FALSE((*db)->exec("UPDATE audit SET detail = ''").ok());
}

TEST_F(SqliteStoreFiles, a_damaged_or_newer_document_is_corrupt_and_others_are_read) {
  ASSERT_OK(SqliteStore::create(options_));
  action::Action a = fresh(), b = fresh();
  {
    auto store = open();
    ASSERT_OK(insert(*store, a));
    ASSERT_OK(insert(*store, b));
  }
  change("UPDATE actions SET document = x'63' WHERE key = 1");
  auto store = open();
  EXPECT_CODE(get(*store, a), corrupt);
  EXPECT_OK(get(*store, b));
}

TEST_F(SqliteStoreFiles, F16_new_work_is_refused_before_the_reserve_and_accepted_work_ends) {
  ASSERT_OK(SqliteStore::create(options_));
  std::atomic<std::uint64_t> free{1 << 30};
  options_.free_bytes = [&] { return free.load(); };
  auto store = open();
  auto a = insert(*store, fresh());
  ASSERT_OK(a);
  free = options_.reserve_bytes - 1;
  EXPECT_CODE(insert(*store, fresh()), storage_full);
  EXPECT_OK(wait_for<action::Action>([&](auto done) {
    store->actions().replace(testing::sample_cancelled(a->action), sample_audit("finished"), done);
  }));
  free = options_.reserve_bytes;
  EXPECT_OK(insert(*store, fresh()));
}

TEST_F(SqliteStoreFiles, a_full_queue_is_refused_and_not_waited_for) {
  ASSERT_OK(SqliteStore::create(options_));
  options_.queue_max = 4;
  std::atomic<bool> go{false};
  options_.free_bytes = [&]() -> std::uint64_t {  // called by the writer: holds it up
    while (!go) {
      std::this_thread::yield();
    }
    return UINT64_MAX;
  };
  auto store = open();
  std::atomic<int> done{0}, refused{0};
  for (int i = 0; i < 50; ++i) {
    store->actions().insert(fresh(), {}, {}, sample_audit("accepted"),
                            [&](const Result<Inserted>& r) {
                              done += r.ok();
                              refused += !r.ok() && r.error().code == Errc::unavailable;
                            });
  }
  EXPECT_GE(refused, 50 - 2 * 4);
  go = true;
  store->close().ok();
  EXPECT_EQ(done + refused, 50);
  EXPECT_GE(done, 4);
}

TEST_F(SqliteStoreFiles, one_refused_write_does_not_fail_its_group) {
  ASSERT_OK(SqliteStore::create(options_));
  std::atomic<bool> go{false};
  options_.free_bytes = [&]() -> std::uint64_t {
    while (!go) {
      std::this_thread::yield();
    }
    return UINT64_MAX;
  };
  auto store = open();
  action::Action first = fresh();
  action::Action same_machine = sample_action(random_, first.tenant, first.machine);
  std::vector<std::optional<Errc>> codes;
  for (const auto& a : {first, same_machine, fresh(), first, fresh()}) {
    store->actions().insert(a, {}, {}, sample_audit("accepted"), [&](const Result<Inserted>& r) {
      codes.push_back(testing::code_of(r));
    });
  }
  go = true;
  store->close().ok();
  EXPECT_EQ(codes,
            (std::vector<std::optional<Errc>>{std::nullopt, Errc::already_active, std::nullopt,
                                              Errc::already_exists, std::nullopt}));
  EXPECT_EQ(number("SELECT count(*) FROM actions"), 3);
  EXPECT_EQ(number("SELECT count(*) FROM audit"), 3);
}

TEST_F(SqliteStoreFiles, readers_see_what_done_told_while_others_write) {
  ASSERT_OK(SqliteStore::create(options_));
  options_.readers = 3;
  options_.cached_actions = 8;  // small, so that entries come and go
  auto store = open();
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      SeededRandom random(seed);
      TenantId tenant = TenantId::make(random);
      for (int i = 0; i < 40; ++i) {
        action::Action a = sample_action(random, tenant, testing::sample_machine_id(random));
        auto r = insert(*store, a);
        ASSERT_OK(r);
        a = r->action;
        while (!is_final(a.status)) {
          auto next = wait_for<action::Action>([&](auto done) {
            store->actions().replace(testing::sample_step(random, a), sample_audit("step"), done);
          });
          ASSERT_OK(next);
          a = *next;
          auto read = get(*store, a);
          ASSERT_OK(read);
          ASSERT_EQ(*read, a);
        }
      }
    });
  }
  for (auto& t : threads) {
    t.join();
  }
}

}  // namespace
}  // namespace reachback::server
