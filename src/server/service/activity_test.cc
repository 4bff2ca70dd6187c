#include "server/service/activity.h"

#include <gtest/gtest.h>

#include "testing/fake_stores.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

// A chain in memory; a position is the index behind a record.
class FakeChain : public AuditChain {
 public:
  Result<std::uint64_t> end() override { return items.size() + 1; }
  Result<AuditPiece> before(std::uint64_t position, std::size_t most) override {
    ++reads;
    if (position > items.size() + 1) {
      return Error{Errc::invalid_query, "no such place"};
    }
    AuditPiece out;
    for (std::uint64_t n = position; n > 1 && out.items.size() < most; --n) {
      out.items.push_back(items[n - 2]);
      out.items.back().position = out.items.back().record = n - 1;
    }
    out.begin = out.items.empty() || out.items.back().record == 1;
    return out;
  }
  std::vector<AuditItem> items;  // the oldest first
  int reads = 0;
};

class ActivityTest : public ::testing::Test {
 protected:
  ActivityTest() {
    by_.tenant = tenant_;
    for (const char* tag : {"east", "west"}) {
      const Sha256 token = testing::sample_digest(random_);
      EXPECT_TRUE(wait_for([&](auto d) {
                    stores_.apps().add_token(
                        {tenant_, token, testing::sample_time(100), 1, {tag}, {}}, d);
                  }).ok());
      Machine m;
      m.id = testing::sample_machine_id(random_);
      m.public_key = tag;
      m.name = tag;
      EXPECT_TRUE(wait_for<Machine>([&](auto d) {
                    stores_.machines().enroll(token, m, testing::sample_time(0), d);
                  }).ok());
      machines_.push_back(m.id);
    }
  }
  AuditItem item(int second, std::string kind, std::string who = "ann") {
    AuditItem out;
    out.at = testing::sample_time(second);
    out.tenant = tenant_;
    out.kind = std::move(kind);
    out.principal = std::move(who);
    return out;
  }
  ActivityPage read(ActivityQuery query) {
    query.top = query.top == 0 ? 100 : query.top;
    auto page = Activity({database_, access_, stores_.actions(), stores_.machines()}, scan_max_)
                    .read(by_, query);
    EXPECT_TRUE(page.ok()) << page.error().message;
    return page ? *page : ActivityPage();
  }
  static std::string kinds(const ActivityPage& page) {
    std::string out;
    for (const ActivityRecord& r : page.records) {
      out += (out.empty() ? "" : " ") + r.item.kind;
    }
    return out;
  }

  testing::SeededRandom random_{7};
  TenantId tenant_ = TenantId::make(random_);
  testing::FakeStores stores_;
  FakeChain database_, access_;
  std::vector<MachineId> machines_;
  Principal by_;
  std::size_t scan_max_ = 1000;
};

TEST_F(ActivityTest, both_chains_are_one_list_with_the_newest_first) {
  database_.items = {item(1, "d1"), item(4, "d4"), item(5, "d5")};
  access_.items = {item(2, "a2"), item(3, "a3"), item(6, "a6")};
  auto page = read({});
  EXPECT_EQ(kinds(page), "a6 d5 d4 a3 a2 d1");
  EXPECT_EQ(page.records[0].source, AuditSource::access);
  EXPECT_EQ(page.records[1].source, AuditSource::database);
  EXPECT_EQ(page.next_before, "");
}

TEST_F(ActivityTest, pages_go_on_where_the_last_one_ended_whatever_was_added_meanwhile) {
  for (int i = 0; i < 20; ++i) {
    (i % 3 == 0 ? access_ : database_).items.push_back(item(i, "k" + std::to_string(i)));
  }
  std::string all;
  ActivityQuery query;
  query.top = 3;
  int pages = 0;
  do {
    auto page = read(query);
    EXPECT_LE(page.records.size(), 3u);
    all += (all.empty() ? "" : " ") + kinds(page);
    query.before = page.next_before;
    database_.items.push_back(item(1000 + pages, "later"));
    ++pages;
  } while (!query.before.empty() && pages < 50);
  std::string wanted;
  for (int i = 19; i >= 0; --i) {
    wanted += "k" + std::to_string(i) + (i > 0 ? " " : "");
  }
  EXPECT_EQ(all, wanted);
  EXPECT_EQ(pages, 7);
}

// A clock that was set back does not hide a record, or show one twice.
TEST_F(ActivityTest, the_order_within_a_chain_is_the_chains_own) {
  database_.items = {item(50, "d1"), item(10, "d2"), item(60, "d3")};
  access_.items = {item(20, "a1")};
  ActivityQuery query;
  query.top = 1;
  std::string all;
  do {
    auto page = read(query);
    all += kinds(page) + " ";
    query.before = page.next_before;
  } while (!query.before.empty());
  EXPECT_EQ(all, "d3 a1 d2 d1 ");
}

TEST_F(ActivityTest, filters_take_whole_values) {
  const ActionId action = ActionId::make(random_);
  database_.items = {item(1, "accepted", "ann"), item(2, "granted", "system"),
                     item(3, "accepted", "bob")};
  database_.items[1].action = action;
  database_.items[1].machine = machines_[0];
  auto with = [this](auto set) {
    ActivityQuery query;
    set(query);
    return kinds(read(query));
  };
  EXPECT_EQ(with([](auto& q) { q.who = "BOB"; }), "accepted");
  EXPECT_EQ(with([](auto& q) { q.who = "bo"; }), "");
  EXPECT_EQ(with([](auto& q) { q.what = "accepted"; }), "accepted accepted");
  EXPECT_EQ(with([](auto& q) { q.what = "Accepted"; }), "");
  EXPECT_EQ(with([&](auto& q) { q.action = action; }), "granted");
  EXPECT_EQ(with([&](auto& q) { q.machine = machines_[0]; }), "granted");
  EXPECT_EQ(with([&](auto& q) { q.machine = machines_[1]; }), "");
}

TEST_F(ActivityTest, one_call_looks_at_so_many_records_and_says_where_to_go_on) {
  scan_max_ = 10;
  database_.items.push_back(item(0, "wanted"));
  for (int i = 1; i < 35; ++i) {
    database_.items.push_back(item(i, "other"));
  }
  ActivityQuery query;
  query.what = "wanted";
  std::string found;
  int calls = 0;
  do {
    auto page = read(query);
    found += kinds(page);
    query.before = page.next_before;
    ++calls;
  } while (!query.before.empty());
  EXPECT_EQ(found, "wanted");
  EXPECT_EQ(calls, 4);
}

TEST_F(ActivityTest, a_caller_with_device_groups_sees_records_of_their_machines_only) {
  database_.items = {item(1, "east"), item(2, "west"), item(3, "nobodys")};
  database_.items[0].machine = machines_[0];
  database_.items[1].machine = machines_[1];
  // A mint names the action, and the action its machine.
  auto a = testing::sample_action(random_, tenant_, machines_[1], testing::sample_time(1));
  ASSERT_TRUE(wait_for<Inserted>([&](auto d) {
                stores_.actions().insert(a, {}, {}, testing::sample_audit("accepted"), d);
              }).ok());
  access_.items = {item(4, "mint"), item(5, "mint_of_unknown")};
  access_.items[0].action = a.id;
  access_.items[1].action = ActionId::make(random_);
  EXPECT_EQ(kinds(read({})), "mint_of_unknown mint nobodys west east");
  by_.machine_tags = {"west"};
  auto west = read({});
  EXPECT_EQ(kinds(west), "mint west");
  EXPECT_EQ(west.records[0].item.machine, machines_[1]);
  by_.machine_tags = {"east"};
  EXPECT_EQ(kinds(read({})), "east");
  by_.machine_tags = std::vector<std::string>();
  EXPECT_EQ(kinds(read({})), "");
}

TEST_F(ActivityTest, another_tenants_records_are_not_there) {
  database_.items = {item(1, "mine"), item(2, "theirs")};
  database_.items[1].tenant = TenantId::make(random_);
  EXPECT_EQ(kinds(read({})), "mine");
}

TEST_F(ActivityTest, a_place_that_is_none_is_refused) {
  database_.items = {item(1, "d")};
  Activity activity({database_, access_, stores_.actions(), stores_.machines()}, scan_max_);
  for (const char* bad : {"x", "1", "1-", "-1", "1-2-3", "1 -1", "-", "99-1", "1-99",
                          "18446744073709551616-1", "1--1", "+1-1"}) {
    ActivityQuery query;
    query.top = 1;
    query.before = bad;
    auto page = activity.read(by_, query);
    ASSERT_FALSE(page.ok()) << bad;
    EXPECT_EQ(page.error().code, Errc::invalid_query) << bad;
  }
}

}  // namespace
}  // namespace reachback::server
