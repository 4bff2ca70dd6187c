// Orders, windows, duplicates and cancellations.
#include "agent/supervisor/test_world.h"

namespace reachback::agent {
namespace {

TEST_F(World, AScriptRunsIsUploadedReportedAndForgotten) {
  connect();
  EXPECT_EQ(said(), Said{});
  EXPECT_EQ(contact_.size(), 16u);
  send_order();
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  ASSERT_EQ(processes_.starts.size(), 1u);
  processes_.end(7, "hi\n", "oh\n");
  EXPECT_EQ(events_.timers(), 0u);
  auto blobs = upload_all();
  EXPECT_EQ(blobs[pb::RESULT], R"({"script_name":"a.sh","exit_code":7,"script_output":"hi\n",)"
                               R"("script_errors":"oh\n","script_error":"oh\n"})");
  EXPECT_EQ(said(), (Said{"upload 0 kind 1", "completed 0"}));
  EXPECT_EQ(last_ended_.exit_code(), 7);
  EXPECT_TRUE(last_ended_.has_exit_code());
  EXPECT_EQ(last_ended_.result().name(), std::string(32, 'a'));
  EXPECT_EQ(last_ended_.result().bytes(), blobs[pb::RESULT].size());
  EXPECT_FALSE(last_ended_.has_raw_stdout());
  EXPECT_EQ(last_ended_.started_us(), to_micros(clock_.now()));
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
  EXPECT_EQ(spool_files(), 0u);
  connect();
  EXPECT_EQ(said(), Said{});
}

TEST_F(World, AnActionOfOneCommandCostsTwoSyncsBeforeItsReport) {
  connect();
  layer_.syncs = 0;
  send_order();
  EXPECT_EQ(layer_.syncs, 1);  // received and intent together
  processes_.end(0);
  EXPECT_EQ(layer_.syncs, 2);  // ended
}

TEST_F(World, CommandsRunInOrderWhateverTheirExitCode) {
  connect();
  send_order({"a", "b", "c"});
  processes_.end(1);
  EXPECT_TRUE(processes_.running());
  processes_.end(2);
  processes_.end(0);
  EXPECT_FALSE(processes_.running());
  ASSERT_EQ(processes_.starts.size(), 3u);
  EXPECT_TRUE(processes_.starts[2].ends_with("REACHBACK_INDEX=2"));
  said();
  connect();
  upload_all();
  said();
  for (std::uint32_t i = 0; i < 3; ++i) {
    acknowledge(i);
  }
  EXPECT_TRUE(record().is_finished());
}

TEST_F(World, OrdersThatAreNotForUsAreRefusedAndNothingIsWritten) {
  connect();
  const auto used = journal_->used_bytes();
  auto refused = [&](const pb::ToAgent& m, const std::string& why) {
    deliver(m);
    EXPECT_EQ(said(), Said{"refused " + why});
  };
  auto stranger = execute(order());
  *stranger.mutable_execute_order()->mutable_order() =
      protocol::sign_order(order(), crypto::Ed25519PrivateKey::generate());
  refused(stranger, "SignatureRequired");
  auto tampered = execute(order());
  auto changed = order();
  changed.set_requestor("somebody else");
  tampered.mutable_execute_order()->mutable_order()->set_order(changed.SerializeAsString());
  refused(tampered, "SignatureRequired");
  auto o = order();
  o.set_machine(std::string(20, 'x'));
  refused(execute(o), "WrongMachine");
  o = order();
  o.set_tenant(std::string(16, 'x'));
  refused(execute(o), "WrongMachine");
  o = order();
  o.set_generation(std::string(16, 'x'));
  refused(execute(o), "OtherGeneration");
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_EQ(journal_->used_bytes(), used);
}

TEST_F(World, AnOrderThatCannotBeReadIsRefusedByItsNameIfItHasOne) {
  connect();
  auto o = order();
  o.set_requestor(std::string(600, 'r'));
  deliver(execute(o));
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(sent_.back().order_refused().action(), action_);
  EXPECT_EQ(sent_.back().order_refused().epoch(), 1u);
  EXPECT_EQ(said(), Said{"refused Malformed"});
  o = order();
  o.set_action(std::string(15, 'a'));
  deliver(execute(o));
  o = order();
  o.set_epoch(0);
  deliver(execute(o));
  auto junk = execute(order());
  junk.mutable_execute_order()->mutable_order()->set_order("junk");
  deliver(junk);
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(sent_.back().order_refused().action(), std::string(16, '\0'));
  EXPECT_EQ(said(), (Said{"refused Malformed", "refused Malformed", "refused Malformed"}));
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(World, OtherBytesThanTheSignedOnesDoNotRun) {
  connect();
  deliver(execute(order({"echo hi\n"}), {"rm -rf /\n"}));
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 HashMismatch"}));
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_EQ(last_ended_.started_us(), 0);
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
}

TEST_F(World, WhatCannotRunSaysWhyAndStopsTheRest) {
  connect();
  auto o = order({"a", "b"});
  o.mutable_commands(0)->set_type(pb::PUT_FILE);
  deliver(execute(o, {}));
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 FileUnavailable"}));
  acknowledge(0);
  action_ = std::string(16, 'd');
  deliver(execute(order({"a"}), {}));
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 ScriptUnavailable"}));
  action_ = std::string(16, 'e');
  o = order({"a"});
  o.mutable_commands(0)->set_args("'");
  deliver(execute(o, {"a"}));
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 InvalidArgs"}));
  action_ = std::string(16, 'f');
  processes_.refuse_start = true;
  send_order();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 CouldNotStart"}));
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(World, TheSameOrderAgainIsAnsweredAndNotRunAgain) {
  connect();
  const auto again = execute(order());
  deliver(again);
  said();
  deliver(again);
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  processes_.end(0);
  said();
  deliver(again);
  EXPECT_EQ(said(), (Said{"received 1", "upload 0 kind 1"}));
  connect();
  upload_all();
  said();
  deliver(again);
  EXPECT_EQ(said(), (Said{"received 1", "completed 0"}));
  acknowledge(0);
  deliver(again);
  EXPECT_EQ(said(), Said{"refused Duplicate"});
  start_agent();
  connect();
  deliver(again);
  EXPECT_EQ(said(), Said{"refused Duplicate"});
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(World, AnotherEpochOfWhatHasStartedIsRefused) {
  connect();
  send_order();
  said();
  send_order({"echo hi\n"}, 2);
  EXPECT_EQ(said(), Said{"refused Duplicate"});
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(World, TheWindowCountsFromTheHeartbeatOfTheGrant) {
  connect();
  auto o = order();
  o.set_window_ms(1000);
  clock_.pass(std::chrono::milliseconds(1000));
  deliver(execute(o));
  EXPECT_EQ(said(), Said{"not started 1"});
  EXPECT_EQ(supervisor_->next_heartbeat(), 1u);
  o.set_heartbeat(1);
  deliver(execute(o));
  EXPECT_EQ(said(), Said{"not started 1"}) << "an epoch that was given back stays so";
  o.set_epoch(2);
  clock_.pass(std::chrono::milliseconds(999));
  deliver(execute(o));
  EXPECT_EQ(said(), (Said{"received 2", "started 0"}));
}

TEST_F(World, AnOrderOfAnotherSessionDoesNotStart) {
  connect();
  auto o = order();
  o.set_session(std::string(16, 'x'));
  deliver(execute(o));
  EXPECT_EQ(said(), Said{"refused OtherSession"});
  o = order();
  o.set_epoch(2);
  o.set_heartbeat(5);
  deliver(execute(o));
  EXPECT_EQ(said(), Said{"refused OtherSession"});
  EXPECT_TRUE(processes_.starts.empty());
  send_order();
  EXPECT_EQ(said(), (Said{"received 1", "started 0"})) << "a fresh order of the same grant starts";
}

TEST_F(World, AnOrderOfTheLastSessionOfThisLifeStillCounts) {
  connect();
  const auto late = execute(order());
  connect();
  deliver(late);
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
}

TEST_F(World, ACommandAfterTheWindowIsNotStarted) {
  connect();
  auto o = order({"a", "b"});
  o.set_window_ms(1000);
  deliver(execute(o, {"a", "b"}));
  clock_.pass(std::chrono::milliseconds(2000));
  processes_.end(0);
  EXPECT_EQ(processes_.starts.size(), 1u);
  upload_all();
  EXPECT_EQ(said(), (Said{"received 1", "started 0", "upload 0 kind 1", "completed 0"}));
  acknowledge(0);
  EXPECT_EQ(said(), Said{"failed 1 WindowOver"});
}

TEST_F(World, AnAgentThatStoodStillBeforeTheStartDoesNotStartLate) {
  connect();
  layer_.on_sync = [&] { clock_.pass(std::chrono::hours(1)); };
  send_order();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 WindowOver"}));
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(World, WallTimeDecidesOnlyWhenItAgreesWithTheServers) {
  connect(clock_.now() + std::chrono::hours(24 * 3650));
  auto o = order();
  o.set_not_after_us(to_micros(clock_.now()) - 1);
  deliver(execute(o));
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  processes_.end(0);
  action_ = std::string(16, 'c');
  connect(clock_.now());
  said();
  o = order();
  o.set_not_after_us(to_micros(clock_.now()) - 1);
  deliver(execute(o));
  EXPECT_EQ(said(), Said{"refused Expired"});
}

TEST_F(World, ACancelEndsWhatRunsAndSaysSoAtOnce) {
  connect();
  send_order({"a", "b"});
  said();
  send_cancel();
  EXPECT_EQ(said(), (Said{"started 0", "cancelled 1"}));
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0, "partial");
  EXPECT_NE(upload_all()[pb::RESULT].find("partial"), std::string::npos);
  EXPECT_EQ(said(), (Said{"upload 0 kind 1", "failed 0 Cancelled"}));
  EXPECT_EQ(last_ended_.exit_code(), 137);
  EXPECT_EQ(processes_.starts.size(), 1u);
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
  said();
  send_cancel();
  EXPECT_EQ(said(), Said{"cancelled 1"});
}

TEST_F(World, WhatCompletedBeforeTheCancelIsToldFirst) {
  connect();
  send_order({"a", "b"});
  processes_.end(0);
  send_cancel();
  processes_.end(0);
  upload_all();
  EXPECT_EQ(said(),
            (Said{"received 1", "started 0", "upload 0 kind 1", "upload 1 kind 1", "completed 0"}));
  acknowledge(0);
  // The start of 1 had waited for the end of 0: told now, or it would look as never run.
  EXPECT_EQ(said(), (Said{"started 1", "cancelled 1", "failed 1 Cancelled"}));
  acknowledge(1);
  EXPECT_TRUE(record().is_finished());
}

// Else the server takes this journal, which has not reported a start of its own, for a clone's.
TEST_F(World, ANewSessionHearsThatTheJournalHoldsWhatIsClosedAndNotYetReported) {
  connect();
  send_order({"a", "b"});
  send_cancel();
  processes_.end(0, "partial");
  said();
  start_agent();
  connect();
  const Said words = said();
  EXPECT_NE(std::find(words.begin(), words.end(), "received 1"), words.end());
  upload_all();
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
}

TEST_F(World, ACancelThatComesFirstKeepsTheOrderFromStarting) {
  connect();
  send_cancel(3);
  EXPECT_EQ(said(), Said{"cancelled 3"});
  send_order({"a"}, 3);
  EXPECT_EQ(said(), Said{"cancelled 3"});
  start_agent();
  connect();
  EXPECT_EQ(said(), Said{"cancelled 3"});
  send_order({"a"}, 3);
  EXPECT_EQ(said(), Said{"cancelled 3"});
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(World, ACancelOfWhatHasEndedGetsTheReports) {
  connect();
  send_order();
  processes_.end(0);
  upload_all();
  said();
  send_cancel();
  EXPECT_EQ(said(), Said{"completed 0"});
  acknowledge(0);
  send_cancel();
  EXPECT_EQ(said(), Said{});
}

TEST_F(World, ACancelOfAVoidedActionIsConfirmed) {
  connect();
  auto o = order();
  o.set_window_ms(1000);
  clock_.pass(std::chrono::milliseconds(1000));
  deliver(execute(o));
  EXPECT_EQ(said(), Said{"not started 1"});
  send_cancel(1);
  EXPECT_EQ(said(), Said{"cancelled 1"});
  send_order({"echo hi\n"}, 2);
  EXPECT_EQ(said(), Said{"cancelled 2"});
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(World, ASecondActionWaitsForTheFirst) {
  connect();
  send_order();
  said();
  action_ = std::string(16, 'z');
  send_order();
  EXPECT_EQ(said(), Said{"received 1"});
  EXPECT_EQ(processes_.starts.size(), 1u);
  processes_.end(0);
  EXPECT_EQ(processes_.starts.size(), 2u);
  EXPECT_EQ(said(), (Said{"upload 0 kind 1", "started 0"}));
}

TEST_F(World, AWaitingActionThatIsCancelledNeverStarts) {
  connect();
  send_order();
  const std::string first = std::exchange(action_, std::string(16, 'z'));
  send_order();
  said();
  send_cancel();
  EXPECT_EQ(said(), Said{"cancelled 1"});
  EXPECT_FALSE(processes_.was_killed);
  processes_.end(0);
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(World, WhatTheServerForgetsIsDropped) {
  connect();
  send_order({"a", "b"});
  said();
  pb::ToAgent m;
  m.mutable_forget_action()->set_action(action_);
  m.mutable_forget_action()->set_epoch(1);
  deliver(m);
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0);
  EXPECT_EQ(said(), Said{});
  EXPECT_TRUE(record().is_finished());
  EXPECT_EQ(spool_files(), 0u);
  connect();
  EXPECT_EQ(said(), Said{});
  EXPECT_EQ(processes_.starts.size(), 1u);
}

}  // namespace
}  // namespace reachback::agent
