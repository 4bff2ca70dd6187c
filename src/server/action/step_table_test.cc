// The transition table, row by row, transcribed by id from trust.md §3.2 (docs/state-machine.md).
// Policy lives here; soundness in explore_test.cc.
#include <gtest/gtest.h>

#include "server/action/action_fixture.h"

namespace reachback::action {
namespace {

Action after(Action a, const Event& e, Timestamp now = at_minute(8)) {
  Step s = step(a, e, now);
  EXPECT_EQ(s.verdict, Verdict::applied) << s.why;
  EXPECT_EQ(broken_invariant(s.next), "");
  EXPECT_EQ(illegal_transition(a, s.next), "");
  return s.next;
}
Action granted_action(std::size_t commands = 2) {
  return after(pending_action(commands), Claimed{generation_of('g')}, at_minute(4));
}
bool has(const Step& s, Effect e) {
  return std::find(s.effects.begin(), s.effects.end(), e) != s.effects.end();
}

TEST(Table, A1_a_claim_grants_a_pending_action_and_binds_the_generation) {
  Step s = step(pending_action(), Claimed{generation_of('g')}, at_minute(4));
  EXPECT_EQ(s.verdict, Verdict::applied);
  EXPECT_EQ(s.next.status, Status::in_progress);
  EXPECT_EQ(s.next.epoch, 1u);
  EXPECT_EQ(s.next.generation, generation_of('g'));
  EXPECT_EQ(s.next.granted, at_minute(4));
  EXPECT_TRUE(has(s, Effect::send_order));
}
TEST(Table, A1_a_claim_after_the_queue_time_is_refused) {
  EXPECT_EQ(step(pending_action(), Claimed{generation_of('g')}, at_minute(120)).verdict,
            Verdict::refused);
}
TEST(Table, A1b_a_repeated_claim_of_the_same_generation_repeats_the_order) {
  Step s = step(granted_action(), Claimed{generation_of('g')}, at_minute(5));
  EXPECT_EQ(s.verdict, Verdict::duplicate);
  EXPECT_EQ(s.next, granted_action());
  EXPECT_TRUE(has(s, Effect::send_order));
}
TEST(Table, A1b_a_claim_of_another_generation_is_refused) {
  EXPECT_EQ(step(granted_action(), Claimed{generation_of('h')}, at_minute(5)).verdict,
            Verdict::refused);
}
TEST(Table, A2_cancel_before_the_grant_is_final_at_once) {
  Step s = step(pending_action(), CancelRequested{cancellation_by("ann")}, at_minute(5));
  EXPECT_EQ(s.next.status, Status::cancelled);
  EXPECT_EQ(s.next.cancellation->requestor, "ann");
  EXPECT_EQ(s.next.commands[0].status, CommandStatus::created);
  EXPECT_TRUE(has(s, Effect::finished));
  EXPECT_FALSE(has(s, Effect::send_cancel));
  EXPECT_EQ(step(s.next, Claimed{generation_of('g')}, at_minute(6)).verdict, Verdict::refused);
}
TEST(Table, A3_the_queue_time_ends_in_TimeOut) {
  EXPECT_EQ(step(pending_action(), DeadlinePassed{}, at_minute(119)).verdict, Verdict::duplicate);
  EXPECT_EQ(after(pending_action(), DeadlinePassed{}, at_minute(120)).status, Status::timed_out);
}
TEST(Table, A4_a_machine_that_is_gone_fails_what_waits_for_it) {
  EXPECT_EQ(after(pending_action(), MachineGone{"offboarded"}).status, Status::failed);
  EXPECT_EQ(step(granted_action(), MachineGone{"offboarded"}, at_minute(5)).verdict,
            Verdict::refused);
}
TEST(Table, A5_cancel_after_the_grant_sets_the_flag_once) {
  Step first = step(granted_action(), CancelRequested{cancellation_by("ann")}, at_minute(5));
  EXPECT_EQ(first.next.status, Status::in_progress);
  EXPECT_TRUE(has(first, Effect::send_cancel));
  Step second = step(first.next, CancelRequested{cancellation_by("bob")}, at_minute(6));
  EXPECT_EQ(second.verdict, Verdict::duplicate);
  EXPECT_EQ(second.next.cancellation->requestor, "ann");
  EXPECT_TRUE(has(second, Effect::send_cancel));
}
TEST(Table, A6_the_last_completed_command_succeeds) {
  Action a = after(granted_action(), ended_event(1, 0, true));
  EXPECT_EQ(a.status, Status::in_progress);
  a = after(a, ended_event(1, 1, true));
  EXPECT_EQ(a.status, Status::succeeded);
}
TEST(Table, A6_a_script_that_ends_with_another_code_has_completed) {
  CommandEnded e = ended_event(1, 0, true);
  e.exit_code = 3;
  Action a = after(granted_action(1), e);
  EXPECT_EQ(a.status, Status::succeeded);
  EXPECT_EQ(a.commands[0].exit_code, 3);
}
TEST(Table, A7_the_first_failed_command_stops_the_rest) {
  Action a = after(granted_action(3), ended_event(1, 0, true));
  a = after(a, ended_event(1, 1, false));
  EXPECT_EQ(a.status, Status::failed);
  EXPECT_EQ(a.commands[1].status, CommandStatus::failed);
  EXPECT_TRUE(a.commands[1].result.has_value());  // partial output is linkable
  EXPECT_EQ(a.commands[2].status, CommandStatus::created);
  EXPECT_EQ(a.commands[2].errors, std::vector<std::string>{"NotRun: an earlier command failed"});
}
TEST(Table, A7_an_order_the_agent_refuses_fails_with_its_reason) {
  Action a = after(granted_action(), OrderRefused{1, generation_of('g'), "SignatureRequired"});
  EXPECT_EQ(a.status, Status::failed);
  EXPECT_EQ(a.commands[0].errors, std::vector<std::string>{"Refused: SignatureRequired"});
}
TEST(Table, A8_the_agents_word_ends_a_cancelled_action) {
  Action a = after(granted_action(), CommandStarted{1, 0, at_minute(5)});
  a = after(a, CancelRequested{cancellation_by("ann")});
  a = after(a, CancelConfirmed{1, generation_of('g')});
  EXPECT_EQ(a.status, Status::cancelled);
  EXPECT_EQ(a.commands[0].status, CommandStatus::failed);
  EXPECT_EQ(a.commands[0].errors, std::vector<std::string>{"Cancelled"});
  EXPECT_EQ(a.commands[1].status, CommandStatus::created);
}
TEST(Table, A8_needs_the_flag_and_the_epoch) {
  const CancelConfirmed word{1, generation_of('g')};
  EXPECT_EQ(step(granted_action(), word, at_minute(5)).verdict, Verdict::refused);
  Action a = after(granted_action(), CancelRequested{cancellation_by("ann")});
  const CancelConfirmed too_early{2, generation_of('g')};
  EXPECT_EQ(step(a, too_early, at_minute(5)).verdict, Verdict::refused);
}
TEST(Table, A7_A8_A10_only_the_journal_that_holds_the_grant_speaks_about_it) {
  // An agent whose journal was wiped while a command ran: what it does not know, it cannot say.
  Action a = after(granted_action(), CancelRequested{cancellation_by("ann")});
  const JournalGeneration other = generation_of('h');
  for (const Event& said : {Event{CancelConfirmed{1, other}}, Event{NotStarted{1, other}},
                            Event{OrderRefused{1, other, "OtherGeneration"}}}) {
    EXPECT_EQ(step(a, said, at_minute(5)).verdict, Verdict::duplicate);
  }
}
TEST(Table, A10_what_was_said_about_an_earlier_grant_is_said_in_vain) {
  Action a = after(granted_action(), NotStarted{1, generation_of('g')});
  EXPECT_EQ(a.epoch, 2u);
  const JournalGeneration same = generation_of('g');
  for (const Event& said : {Event{CancelConfirmed{1, same}}, Event{NotStarted{1, same}},
                            Event{OrderRefused{1, same, "Duplicate"}}}) {
    EXPECT_EQ(step(a, said, at_minute(5)).verdict, Verdict::duplicate);
  }
}
TEST(Table, A9_TimeOut_only_after_the_window_and_its_margin) {
  Action a = granted_action();  // granted at minute 4, window 25 min, margin 90 s
  EXPECT_EQ(step(a, DeadlinePassed{}, at_minute(30)).verdict, Verdict::duplicate);
  EXPECT_EQ(after(a, DeadlinePassed{}, at_minute(31)).status, Status::timed_out);
}
TEST(Table, A10_a_proof_that_nothing_started_is_granted_again) {
  Step s = step(granted_action(), NotStarted{1, generation_of('g')}, at_minute(6));
  EXPECT_EQ(s.next.epoch, 2u);
  EXPECT_EQ(s.next.granted, at_minute(6));
  EXPECT_TRUE(has(s, Effect::send_order));
}
TEST(Table, A10_is_refused_once_a_command_has_started) {
  Action a = after(granted_action(), CommandStarted{1, 0, at_minute(5)});
  EXPECT_EQ(step(a, NotStarted{1, generation_of('g')}, at_minute(6)).verdict, Verdict::refused);
}
TEST(Table, A10_with_the_cancel_flag_is_A8) {
  Action a = after(granted_action(), CancelRequested{cancellation_by("ann")});
  EXPECT_EQ(after(a, NotStarted{1, generation_of('g')}).status, Status::cancelled);
}
TEST(Table, A11_a_late_report_changes_no_status_and_is_kept) {
  Action a = after(granted_action(1), DeadlinePassed{}, at_minute(40));
  Step s = step(a, ended_event(1, 0, true), at_minute(50));
  EXPECT_EQ(s.verdict, Verdict::late);
  EXPECT_EQ(s.next.status, Status::timed_out);
  EXPECT_EQ(s.next.commands[0].status, CommandStatus::created);
  EXPECT_TRUE(s.next.commands[0].result.has_value());
  EXPECT_EQ(illegal_transition(a, s.next), "");
  EXPECT_EQ(step(s.next, ended_event(1, 0, true), at_minute(51)).verdict, Verdict::duplicate);
}
TEST(Table, A11_cancelling_what_has_ended_is_refused_and_what_is_cancelled_is_a_repeat) {
  Action done = after(granted_action(1), ended_event(1, 0, true));
  EXPECT_EQ(step(done, CancelRequested{cancellation_by("ann")}, at_minute(9)).verdict,
            Verdict::refused);
  Action cancelled = after(pending_action(), CancelRequested{cancellation_by("ann")});
  EXPECT_EQ(step(cancelled, CancelRequested{cancellation_by("bob")}, at_minute(9)).verdict,
            Verdict::duplicate);
}
TEST(Table, V10_completed_without_a_stored_result_is_refused) {
  CommandEnded e = ended_event(1, 0, true);
  e.result.reset();
  EXPECT_EQ(step(granted_action(), e, at_minute(9)).verdict, Verdict::refused);
}
TEST(Table, V08_a_report_out_of_order_is_premature) {
  EXPECT_EQ(step(granted_action(), ended_event(1, 1, true), at_minute(9)).verdict,
            Verdict::premature);
  EXPECT_EQ(step(granted_action(), CommandStarted{1, 1, at_minute(9)}, at_minute(9)).verdict,
            Verdict::premature);
}

}  // namespace
}  // namespace reachback::action
