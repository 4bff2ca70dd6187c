// A machine that reports a command twice, and otherwise the second time: V02, and
// docs/bad-input.md, 5.9 12.
#include <gtest/gtest.h>

#include "server/action/action_fixture.h"

namespace reachback::action {
namespace {

Action after(const Action& a, const Event& e) {
  Step s = step(a, e, at_minute(8));
  EXPECT_EQ(s.verdict, Verdict::applied) << s.why;
  return s.next;
}
Action granted() {
  return after(pending_action(1), Claimed{generation_of('g')});
}
// With everything that a report can bring.
CommandEnded otherwise(bool completed) {
  CommandEnded e = ended_event(1, 0, completed);
  e.result = blob_named('x');
  e.raw_stdout = blob_named('y');
  e.raw_stderr = blob_named('z');
  e.exit_code = 99;
  e.errors = {"it was not so"};
  e.receipt = "another receipt";
  return e;
}

TEST(SecondReport, adds_nothing_to_a_command_whose_receipt_is_there) {
  for (bool completed : {false, true}) {
    CommandEnded first = ended_event(1, 0, completed);
    first.receipt = "signed";
    const Action ended = after(granted(), first);
    ASSERT_EQ(ended.status, completed ? Status::succeeded : Status::failed);
    for (bool then : {false, true}) {
      Step s = step(ended, otherwise(then), at_minute(50));
      EXPECT_NE(s.verdict, Verdict::applied);
      EXPECT_EQ(s.next, ended) << completed << then;
    }
  }
}

TEST(SecondReport, that_a_completed_command_failed_adds_nothing) {
  const Action ended = after(granted(), ended_event(1, 0, true));
  EXPECT_EQ(step(ended, otherwise(false), at_minute(50)).next, ended);
}

// The server ends it on the agent's word; its output and its receipt come behind.
TEST(SecondReport, of_a_cancelled_command_is_its_first_and_is_kept) {
  Action a = after(granted(), CommandStarted{1, 0, at_minute(5)});
  a = after(a, CancelRequested{cancellation_by("ann")});
  a = after(a, CancelConfirmed{1, generation_of('g')});
  ASSERT_EQ(a.status, Status::cancelled);
  CommandEnded first = ended_event(1, 0, false);
  first.errors = {"Cancelled"};
  first.receipt = "signed";
  const Step s = step(a, first, at_minute(9));
  EXPECT_EQ(s.verdict, Verdict::late);
  EXPECT_EQ(s.next.status, Status::cancelled);
  EXPECT_EQ(s.next.commands[0].result, first.result);
  EXPECT_EQ(s.next.commands[0].receipt, "signed");
  EXPECT_EQ(s.next.commands[0].errors, std::vector<std::string>{"Cancelled"});
  EXPECT_EQ(step(s.next, otherwise(false), at_minute(10)).next, s.next);
}

}  // namespace
}  // namespace reachback::action
