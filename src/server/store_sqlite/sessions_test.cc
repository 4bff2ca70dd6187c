// Interactive sessions in the database: their limits, their lines, their ends.
#include "server/store_sqlite/one_tenant_fixture.h"

namespace reachback::server {
namespace {

using testing::sample_time;
using testing::wait_for;

constexpr Duration kIdleTime = std::chrono::minutes(30);

class SessionStoreTest : public OneTenant {
 protected:
  InteractiveSessionStore& sessions() { return store_->sessions(); }

  InteractiveSession sample(const MachineId& machine, const std::string& caller, Timestamp at) {
    InteractiveSession s;
    s.tenant = tenant_;
    s.id = SessionId::make(random_);
    s.machine = machine;
    s.machine_name = "web-01";
    s.caller = caller;
    s.creator = caller + "@corp.example";
    s.comment = "case 7";
    s.created = at;
    return s;
  }
  static AuditEntry entry(const std::string& kind, Timestamp at) {
    AuditEntry e;
    e.at = at;
    e.kind = kind;
    e.principal = "ann@corp.example";
    return e;
  }
  Result<InteractiveSession> open(const MachineId& machine, const std::string& caller = "ann",
                                  Timestamp at = sample_time(0)) {
    return wait_for<InteractiveSession>([&](auto d) {
      sessions().open(sample(machine, caller, at), limits_, entry("session_opened", at), d);
    });
  }
  Result<InteractiveSession> get(const SessionId& id) {
    return wait_for<InteractiveSession>([&](auto d) { sessions().get(tenant_, id, d); });
  }
  Result<InteractiveSession> end(const SessionId& id, const std::string& reason, Timestamp at) {
    return wait_for<InteractiveSession>(
        [&](auto d) { sessions().end(tenant_, id, reason, entry("session_ended", at), d); });
  }
  std::size_t end_idle(Timestamp now) {
    auto ended = wait_for<std::size_t>([&](auto d) { sessions().end_idle(now, kIdleTime, d); });
    EXPECT_TRUE(ended.ok());
    return ended ? *ended : 0;
  }
  std::vector<SessionCommand> commands(const SessionId& id, std::size_t most = 100) {
    return *wait_for<std::vector<SessionCommand>>(
        [&](auto d) { sessions().commands(tenant_, id, most, d); });
  }
  // A line at `at`, as an action.
  Result<Inserted> type(const InteractiveSession& s, const std::string& line, Timestamp at) {
    action::Action a = testing::sample_action(random_, tenant_, s.machine, at);
    return wait_for<Inserted>([&](auto d) {
      store_->actions().insert(a, std::nullopt,
                               InsertLimits{0, SessionLine{s.id, line, "/etc", at - kIdleTime}},
                               entry("accepted", at), d);
    });
  }
  void finish(const action::Action& a, Timestamp at) {
    action::Action next = testing::sample_cancelled(a);
    next.updated = at;
    auto stored = wait_for<action::Action>(
        [&](auto d) { store_->actions().replace(next, entry("cancelled", at), d); });
    ASSERT_TRUE(stored.ok()) << stored.error().message;
  }
  MachineId machine() { return testing::sample_machine_id(random_); }

  OpenSessionLimits limits_{3, 2, 1, kIdleTime};
};

TEST_F(SessionStoreTest, a_session_is_kept_with_its_lines_over_a_restart) {
  const auto s = open(machine());
  ASSERT_TRUE(s.ok());
  const auto first = type(*s, "dir", sample_time(10));
  ASSERT_TRUE(first.ok()) << first.error().message;
  finish(first->action, sample_time(11));
  const auto second = type(*s, "connections -output json", sample_time(20));
  ASSERT_TRUE(second.ok());
  reopen();
  const auto kept = get(s->id);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->commands, 2u);
  EXPECT_EQ(kept->last_used, sample_time(20));
  EXPECT_EQ(kept->creator, "ann@corp.example");
  EXPECT_FALSE(kept->ended);
  const auto lines = commands(s->id);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].number, 1u);
  EXPECT_EQ(lines[0].line, "dir");
  EXPECT_EQ(lines[0].folder, "/etc");
  EXPECT_EQ(lines[0].action.id, first->action.id);
  EXPECT_EQ(lines[0].action.status, action::Status::cancelled);
  EXPECT_EQ(lines[1].action.id, second->action.id);
  ASSERT_EQ(commands(s->id, 1).size(), 1u);
  EXPECT_EQ(commands(s->id, 1)[0].number, 2u);
  const auto number =
      wait_for<std::uint64_t>([&](auto d) { sessions().number_of(tenant_, second->action.id, d); });
  EXPECT_EQ(*number, 2u);
}

TEST_F(SessionStoreTest, a_line_that_is_refused_leaves_neither_action_nor_line) {
  const auto s = open(machine());
  const auto running = type(*s, "findfile x", sample_time(10));
  ASSERT_TRUE(running.ok());
  const auto second = type(*s, "dir", sample_time(11));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::already_active);
  EXPECT_EQ(commands(s->id).size(), 1u);
  EXPECT_EQ(get(s->id)->commands, 1u);

  finish(running->action, sample_time(12));
  ASSERT_TRUE(end(s->id, "closed by ann", sample_time(13)).ok());
  const auto late = type(*s, "dir", sample_time(14));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Errc::conflict);
  EXPECT_NE(late.error().message.find("closed by ann"), std::string::npos);
  auto active = wait_for<std::optional<action::Action>>(
      [&](auto d) { store_->actions().active_of(tenant_, s->machine, d); });
  ASSERT_TRUE(active.ok());
  EXPECT_FALSE(active->has_value());
}

TEST_F(SessionStoreTest, the_limits_are_of_machine_caller_and_tenant) {
  const MachineId first = machine();
  const auto mine = open(first);
  ASSERT_TRUE(mine.ok());
  auto refused = open(first, "bob");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find(mine->id.text()), std::string::npos);
  EXPECT_NE(refused.error().message.find("ann@corp.example"), std::string::npos);
  ASSERT_TRUE(open(machine()).ok());
  refused = open(machine());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::too_many_requests);
  EXPECT_NE(refused.error().message.find("ann@corp.example has 2"), std::string::npos);
  ASSERT_TRUE(open(machine(), "bob").ok());
  refused = open(machine(), "carl");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::too_many_requests);
  EXPECT_NE(refused.error().message.find("there are 3"), std::string::npos);
  ASSERT_TRUE(end(mine->id, "closed by ann", sample_time(1)).ok());
  EXPECT_TRUE(open(first, "carl").ok());
  limits_ = {0, 0, 0, kIdleTime};
  EXPECT_TRUE(open(first, "ann").ok()) << "0 is no limit";
}

TEST_F(SessionStoreTest, one_that_nobody_uses_ends_and_one_whose_command_runs_does_not) {
  const auto idle = open(machine(), "ann", sample_time(0));
  const auto busy = open(machine(), "bob", sample_time(0));
  const auto running = type(*busy, "findfile x", sample_time(1));
  ASSERT_TRUE(running.ok());
  const Timestamp later = sample_time(0) + kIdleTime + std::chrono::minutes(5);
  EXPECT_EQ(end_idle(sample_time(0) + kIdleTime), 0u) << "not yet";
  EXPECT_EQ(end_idle(later), 1u);
  EXPECT_EQ(get(idle->id)->end_reason, "idle");
  EXPECT_EQ(get(idle->id)->ended, later);
  EXPECT_FALSE(get(busy->id)->ended);
  finish(running->action, later);
  EXPECT_EQ(end_idle(later + std::chrono::minutes(1)), 0u) << "it was used until just now";
  EXPECT_EQ(end_idle(later + kIdleTime + std::chrono::minutes(1)), 1u);
}

TEST_F(SessionStoreTest, an_idle_one_takes_no_line_and_hinders_no_other_before_it_is_swept) {
  const MachineId there = machine();
  const auto idle = open(there, "ann", sample_time(0));
  const Timestamp later = sample_time(0) + kIdleTime + std::chrono::minutes(1);
  const auto late = type(*idle, "dir", later);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Errc::conflict);
  EXPECT_NE(late.error().message.find("idle"), std::string::npos);
  EXPECT_TRUE(open(there, "bob", later).ok());
  EXPECT_EQ(get(idle->id)->end_reason, "idle");
}

TEST_F(SessionStoreTest, open_and_end_are_in_the_audit_once) {
  const auto s = open(machine());
  ASSERT_TRUE(end(s->id, "closed by ann", sample_time(5)).ok());
  const auto again = end(s->id, "closed by bob", sample_time(6));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->end_reason, "closed by ann");
  EXPECT_EQ(again->ended, sample_time(5));
  auto records = store_->audit_rows().before(*store_->audit_rows().end(), 100);
  ASSERT_TRUE(records.ok());
  std::vector<std::string> kinds;
  for (const auto& record : records->items) {
    if (record.kind.starts_with("session_")) {
      kinds.push_back(record.kind);
      EXPECT_EQ(record.object, s->machine.text());
      EXPECT_NE(record.detail.find(s->id.text()), std::string::npos);
    }
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"session_ended", "session_opened"}));
}

TEST_F(SessionStoreTest, another_tenants_session_is_none) {
  const auto s = open(machine());
  const TenantId other = TenantId::make(random_);
  EXPECT_EQ(
      wait_for<InteractiveSession>([&](auto d) { sessions().get(other, s->id, d); }).error().code,
      Errc::not_found);
  EXPECT_TRUE(wait_for<std::vector<InteractiveSession>>([&](auto d) {
                sessions().open_ones(MachineScope{other, std::nullopt}, d);
              })->empty());
  EXPECT_EQ(wait_for<std::vector<InteractiveSession>>([&](auto d) {
              sessions().open_ones(MachineScope{tenant_, std::nullopt}, d);
            })->size(),
            1u);
  EXPECT_TRUE(wait_for<std::vector<InteractiveSession>>([&](auto d) {
                sessions().open_ones(MachineScope{tenant_, {{"east"}}}, d);
              })->empty())
      << "its machine is gone or has no such tag";
}

}  // namespace
}  // namespace reachback::server
