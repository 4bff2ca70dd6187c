#include "base/bytes.h"
#include "server/store_sqlite/one_tenant_fixture.h"
#include "server/store_sqlite/schema.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {
namespace {

using testing::sample_time;
using testing::wait_for;

const std::vector<std::string> kBoth = {std::string(kActionCompleted), std::string(kMachineOnline)};

class WebhookStoreTest : public OneTenant {
 protected:
  WebhookStore& hooks() { return store_->webhooks(); }
  void set(std::vector<std::string> names) {
    ASSERT_TRUE(wait_for([&](auto d) { hooks().set_hooks(tenant_, names, d); }).ok());
  }
  bool collect(const std::string& hook, std::size_t most = 100,
               const std::vector<std::string>& types = kBoth) {
    auto more = wait_for<bool>(
        [&](auto d) { hooks().collect(tenant_, hook, types, most, sample_time(5), d); });
    EXPECT_TRUE(more.ok());
    return more && *more;
  }
  std::vector<WebhookDelivery> log(const std::string& hook, std::uint64_t before = UINT64_MAX,
                                   std::size_t most = 5000) {
    return *wait_for<std::vector<WebhookDelivery>>(
        [&](auto d) { hooks().deliveries(tenant_, hook, before, most, d); });
  }
  std::optional<WebhookDelivery> due(const std::string& hook, Timestamp now) {
    return *wait_for<std::optional<WebhookDelivery>>(
        [&](auto d) { hooks().due(tenant_, hook, now, d); });
  }
  action::Action accepted(const MachineId& machine) {
    auto inserted = wait_for<Inserted>([&](auto d) {
      store_->actions().insert(testing::sample_action(random_, tenant_, machine), std::nullopt, {},
                               entry("accepted"), d);
    });
    EXPECT_TRUE(inserted.ok());
    return inserted->action;
  }
  action::Action stored(const action::Action& next) {
    auto done = wait_for<action::Action>(
        [&](auto d) { store_->actions().replace(next, entry("changed"), d); });
    EXPECT_TRUE(done.ok()) << done.error().message;
    return *done;
  }
  action::Action ended(const MachineId& machine) {
    return stored(testing::sample_cancelled(accepted(machine)));
  }
  static AuditEntry entry(const std::string& kind) {
    AuditEntry e;
    e.at = sample_time(1);
    e.kind = kind;
    e.principal = "ann";
    return e;
  }
  void connect(const Machine& m, int second, const std::string& replaces, char nonce) {
    MachineContact contact;
    static_cast<MachineFacts&>(contact) = m;
    contact.contact = std::string(16, nonce);
    contact.replaces = replaces;
    contact.life = std::string(16, 'l');
    ASSERT_TRUE(wait_for([&](auto d) {
                  store_->machines().connected(tenant_, m.id, contact, sample_time(second), d);
                }).ok());
  }
};

TEST_F(WebhookStoreTest, an_end_is_one_event_for_each_hook_whatever_is_reported_after_it) {
  set({"soar", "chat"});
  const MachineId machine = testing::sample_machine_id(random_);
  auto a = stored(testing::sample_step(random_, accepted(machine)));
  collect("soar");
  EXPECT_TRUE(log("soar").empty());
  for (std::size_t i = 0; i < a.commands.size(); ++i) {
    a = stored(testing::sample_step(random_, a));
  }
  ASSERT_EQ(a.status, action::Status::succeeded);
  a = stored(a);  // a late report
  collect("soar");
  stored(a);
  collect("soar");
  ASSERT_EQ(log("soar").size(), 1u);
  const WebhookDelivery d = log("soar")[0];
  EXPECT_EQ(d.type, kActionCompleted);
  EXPECT_EQ(d.object, a.id.text());
  EXPECT_EQ(d.happened, sample_time(1));
  EXPECT_EQ(d.next, sample_time(5));
  EXPECT_EQ(d.event.size(), 4 + 32u);
  EXPECT_FALSE(collect("chat"));
  ASSERT_EQ(log("chat").size(), 1u);
  EXPECT_EQ(log("chat")[0].event, d.event);  // the event's own id
}

TEST_F(WebhookStoreTest, what_was_looked_at_is_remembered_and_pieces_add_up) {
  set({"soar"});
  const MachineId machine = testing::sample_machine_id(random_);
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    auto a = ended(machine);
    ids.push_back(a.id.text());
  }
  EXPECT_TRUE(collect("soar", 3));
  reopen();
  set({"soar"});
  while (collect("soar", 3)) {
  }
  std::vector<std::string> told;
  for (const WebhookDelivery& d : log("soar")) {
    told.insert(told.begin(), d.object);
  }
  EXPECT_EQ(told, ids);
  EXPECT_FALSE(wait_for<bool>([&](auto d) {
                 hooks().collect(tenant_, "none", kBoth, 3, sample_time(0), d);
               }).ok());
}

TEST_F(WebhookStoreTest, a_new_hook_begins_now_and_a_hook_that_is_gone_is_forgotten) {
  set({"soar"});
  const MachineId machine = testing::sample_machine_id(random_);
  ended(machine);
  set({"soar", "late"});
  collect("soar");
  collect("late");
  EXPECT_EQ(log("soar").size(), 1u);
  EXPECT_TRUE(log("late").empty());
  set({"late"});
  set({"late", "soar"});
  collect("soar");
  EXPECT_TRUE(log("soar").empty());
}

TEST_F(WebhookStoreTest, a_machine_comes_online_when_it_was_away_for_long) {
  set({"soar"});
  Machine m;
  m.tenant = tenant_;
  m.id = testing::sample_machine_id(random_);
  m.name = "web-01";
  m.public_key = "key";
  m.first_seen = m.last_seen = sample_time(0);
  const Sha256 token = testing::sample_digest(random_);
  ASSERT_TRUE(wait_for([&](auto d) {
                store_->apps().add_token(
                    EnrollmentToken{tenant_, token, sample_time(99), 1, {}, sample_time(0)}, {}, d);
              }).ok());
  ASSERT_TRUE(wait_for<Machine>([&](auto d) {
                store_->machines().enroll(token, m, sample_time(0), d);
              }).ok());
  const int away = 20 * 60;
  connect(m, 1, "", 'a');                           // the first time
  connect(m, away, std::string(16, 'a'), 'b');      // a second too early
  connect(m, 2 * away, std::string(16, 'b'), 'c');  // long enough
  collect("soar");
  auto told = log("soar");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].type, kMachineOnline);
  EXPECT_EQ(told[0].object, m.id.text());
  EXPECT_EQ(told[0].happened, sample_time(2 * away));
  EXPECT_EQ(told[1].happened, sample_time(1));
  set({"other"});
  connect(m, 4 * away, std::string(16, 'c'), 'd');
  collect("other", 100, {std::string(kActionCompleted)});
  EXPECT_TRUE(log("other").empty());
}

TEST_F(WebhookStoreTest, attempts_are_kept_and_what_is_due_first_comes_first) {
  set({"soar"});
  for (int i : {9, 3, 6}) {
    WebhookDelivery d;
    d.hook = "soar";
    d.event = "evt_" + std::to_string(i);
    d.type = kWebhookTest;
    d.object = "ann";
    d.happened = sample_time(0);
    d.next = sample_time(i);
    auto added =
        wait_for<WebhookDelivery>([&](auto done) { hooks().add(tenant_, d, ChangedBy(), done); });
    ASSERT_TRUE(added.ok());
    EXPECT_GT(added->id, 0u);
  }
  EXPECT_FALSE(due("soar", sample_time(2)));
  EXPECT_FALSE(due("chat", sample_time(99)));
  auto d = *due("soar", sample_time(99));
  EXPECT_EQ(d.event, "evt_3");
  d.attempts = 1;
  d.next = sample_time(50);
  d.tried = sample_time(4);
  d.status = 503;
  d.error = "answered 503";
  ASSERT_TRUE(wait_for([&](auto done) { hooks().tried(tenant_, d, done); }).ok());
  EXPECT_EQ(due("soar", sample_time(49))->event, "evt_6");
  reopen();
  EXPECT_EQ(log("soar")[1], d);
  auto counts = *wait_for<std::vector<WebhookCounts>>([&](auto c) { hooks().counts(tenant_, c); });
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].waiting, 3u);
  EXPECT_EQ(counts[0].last, d);
  d.id = 77;
  EXPECT_FALSE(wait_for([&](auto done) { hooks().tried(tenant_, d, done); }).ok());
}

TEST_F(WebhookStoreTest, of_what_is_over_the_newest_stay_and_what_waits_stays) {
  set({"soar"});
  WebhookDelivery d;
  d.hook = "soar";
  d.type = kWebhookTest;
  d.event = "evt_waits";
  d.happened = d.next = sample_time(0);
  ASSERT_TRUE(wait_for<WebhookDelivery>([&](auto done) {
                hooks().add(tenant_, d, ChangedBy(), done);
              }).ok());
  for (std::size_t i = 0; i < kDeliveriesKept + 3; ++i) {
    d.event = "evt_" + std::to_string(i);
    auto added =
        wait_for<WebhookDelivery>([&](auto done) { hooks().add(tenant_, d, ChangedBy(), done); });
    added->state = DeliveryState::delivered;
    ASSERT_TRUE(wait_for([&](auto done) { hooks().tried(tenant_, *added, done); }).ok());
  }
  auto all = log("soar");
  ASSERT_EQ(all.size(), kDeliveriesKept + 1);
  EXPECT_EQ(all.back().event, "evt_waits");
  EXPECT_EQ(all[kDeliveriesKept - 1].event, "evt_3");
  EXPECT_EQ(log("soar", all[10].id, 2)[0].event, all[11].event);
}

}  // namespace
}  // namespace reachback::server
