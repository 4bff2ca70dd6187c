// Running, results, restarts and failing disks.
#include "agent/supervisor/test_world.h"

namespace reachback::agent {
namespace {

TEST_F(World, AScriptOverItsLimitIsEndedAndItsOutputKept) {
  connect();
  send_order({"a", "b"});
  said();
  ASSERT_EQ(events_.timers(), 1u);
  events_.fire_timers();
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0, "partial");
  EXPECT_NE(upload_all()[pb::RESULT].find("partial"), std::string::npos);
  EXPECT_EQ(said(), (Said{"upload 0 kind 1", "failed 0 TimedOut"}));
  EXPECT_EQ(processes_.starts.size(), 1u);
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
}

TEST_F(World, BytesThatAreNotTextAreUploadedAsTheyWere) {
  connect();
  send_order();
  said();
  processes_.end(0, "a\xff\xfe", "plain");
  auto blobs = upload_all();
  EXPECT_EQ(blobs.size(), 2u);
  EXPECT_EQ(blobs[pb::RAW_STDOUT], "a\xff\xfe");
  said();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "completed 0"}));
  EXPECT_EQ(last_ended_.raw_stdout().bytes(), 3u);
  EXPECT_FALSE(last_ended_.has_raw_stderr());
  acknowledge(0);
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(World, OutputBeyondTheCapIsSaid) {
  connect();
  send_order();
  processes_.dropped = 1000;
  processes_.end(0, "abc");
  said();
  connect();
  upload_all();
  said();
  EXPECT_EQ(last_ended_.outcome(), pb::COMPLETED);
  ASSERT_EQ(last_ended_.errors_size(), 1);
  EXPECT_EQ(last_ended_.errors(0),
            "OutputTruncated: script_output: 1003 bytes were written, the first 3 are kept");
}

TEST_F(World, EverythingUnacknowledgedIsSaidAgainInTheOrderOfTheCommands) {
  connect();
  send_order({"a", "b"});
  processes_.end(0);
  supervisor_->end_session();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "upload 0 kind 1"}));
  processes_.end(0);
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "upload 0 kind 1", "upload 1 kind 1"}));
  connect();
  upload_all();
  said();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "completed 0"}));
  acknowledge(0);
  EXPECT_EQ(said(), Said{"completed 1"});
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "completed 1"}));
  acknowledge(1);
  EXPECT_TRUE(record().is_finished());
}

// Writes a result of so many slices; what happens between them is up to the test.
class LargeResult : public World {
 protected:
  static constexpr int kSlices = 6;
  void end_with_much() {
    connect();
    send_order({"a", "b"});
    said();
    processes_.end(0, std::string(kSlices * kSliceBytes, 'x'));
    ASSERT_EQ(events_.timers(), 1u) << "the loop goes on before all of it is written";
  }
  int slices_to_the_end() {
    int slices = 0;
    while (said().empty() && slices < 1000) {
      events_.fire_timers();
      ++slices;
    }
    return slices;
  }
};

TEST_F(LargeResult, IsWrittenInSlicesBetweenWhichTheLoopGoesOn) {
  end_with_much();
  EXPECT_EQ(said(), Said{});
  EXPECT_FALSE(record().commands[0].ended) << "the end is journalled after its result";
  EXPECT_EQ(processes_.starts.size(), 1u);
  EXPECT_GE(slices_to_the_end(), kSlices);
  ASSERT_TRUE(record().commands[0].ended);
  EXPECT_EQ(processes_.starts.size(), 2u) << "the next command starts then";
  connect();
  EXPECT_EQ(
      upload_all()[pb::RESULT].find(std::string(kSlices * kSliceBytes, 'x')),
      std::string_view("{\"script_name\":\"a.sh\",\"exit_code\":0,\"script_output\":\"").size());
}

TEST_F(LargeResult, WithBytesThatAreNotTextKeepsThoseToo) {
  connect();
  send_order();
  said();
  const std::string out = std::string(2 * kSliceBytes, 'x') + "\xff";
  processes_.end(0, out);
  slices_to_the_end();
  connect();
  EXPECT_TRUE(upload_all()[pb::RAW_STDOUT] == out);
}

TEST_F(LargeResult, ACrashBetweenTwoSlicesIsAnInterruption) {
  end_with_much();
  events_.fire_timers();
  start_agent();
  events_.fire_timers();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
  EXPECT_EQ(processes_.starts.size(), 1u);
  acknowledge(0);
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(LargeResult, ACancelBetweenTwoSlicesStartsNothingMore) {
  end_with_much();
  events_.fire_timers();
  send_cancel();
  said();
  slices_to_the_end();
  EXPECT_EQ(processes_.starts.size(), 1u);
  EXPECT_EQ(record().commands[0].ended->ended().outcome(), pb::COMPLETED);
}

TEST_F(LargeResult, AForgottenOneIsLeft) {
  end_with_much();
  events_.fire_timers();
  pb::ToAgent m;
  m.mutable_forget_action()->set_action(action_);
  m.mutable_forget_action()->set_epoch(1);
  m.mutable_forget_action()->set_reason("gone");
  deliver(m);
  events_.fire_timers();
  EXPECT_EQ(events_.timers(), 0u);
  EXPECT_EQ(spool_files(), 0u);
  action_ = std::string(16, 'z');
  send_order();
  EXPECT_EQ(processes_.starts.size(), 2u) << "the next order runs";
}

TEST_F(LargeResult, AStoppedAgentReportsItAsInterrupted) {
  end_with_much();
  events_.fire_timers();
  supervisor_->shut_down();
  events_.fire_timers();
  start_agent();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
}

TEST_F(World, ARestartReportsWhatRanAsInterruptedAndRunsNothing) {
  connect();
  const auto again = execute(order({"a", "b"}), {"a", "b"});
  deliver(again);
  start_agent();
  EXPECT_EQ(processes_.leftovers.size(), 1u);
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
  EXPECT_FALSE(last_ended_.has_result());
  EXPECT_GT(last_ended_.started_us(), 0);
  deliver(again);
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
  EXPECT_EQ(processes_.starts.size(), 1u);
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
}

TEST_F(World, AReceivedOrderThatHadNotStartedStartsWhenItComesAgain) {
  connect();
  send_order();
  action_ = std::string(16, 'z');
  const auto second = execute(order());
  deliver(second);  // waits for the first
  start_agent();
  connect();
  said();
  deliver(second);
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  EXPECT_EQ(processes_.starts.size(), 2u);
}

TEST_F(World, AfterARebootAReceivedOrderIsGivenBack) {
  connect();
  send_order();
  action_ = std::string(16, 'z');
  const auto second = execute(order());
  deliver(second);
  reboot();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted", "not started 1"}));
  deliver(second);
  EXPECT_EQ(said(), Said{"not started 1"});
  EXPECT_EQ(processes_.starts.size(), 1u);
  send_order({"echo hi\n"}, 2);
  EXPECT_EQ(said(), (Said{"received 2", "started 0"}));
}

TEST_F(World, TheAgentThatIsStoppedTellsTheTruthLater) {
  connect();
  send_order({"a", "b"});
  said();
  supervisor_->shut_down();
  EXPECT_TRUE(processes_.was_killed);
  start_agent();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(World, ADiskThatFailsToSyncStartsNothing) {
  connect();
  layer_.fail_sync = true;
  send_order();
  EXPECT_EQ(said(), Said{"refused Unhealthy"});
  EXPECT_TRUE(processes_.starts.empty());
  layer_.fail_sync = false;
  action_ = std::string(16, 'z');
  send_order();
  EXPECT_EQ(said(), Said{"refused Unhealthy"}) << "once failed, never believed again";
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(World, AnEndThatCannotBeWrittenIsNotSaid) {
  connect();
  send_order({"a", "b"});
  said();
  layer_.fail_sync = true;
  processes_.end(0);
  EXPECT_EQ(said(), Said{});
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(World, AResultThatIsGoneIsNotCalledCompleted) {
  connect();
  send_order();
  processes_.end(0);
  for (const auto& e : std::filesystem::directory_iterator(folder_.file("spool"))) {
    std::filesystem::remove(e.path());
  }
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 ResultLost"}));
}

// The server can be without a blob that it once said it had: an upload that was cut and taken for
// stored, or a disk that lost it.
class UploadAgain : public World {
 protected:
  void want_again(std::uint64_t epoch = 1, std::uint32_t index = 0) {
    pb::ToAgent m;
    m.mutable_upload_again()->set_action(action_);
    m.mutable_upload_again()->set_epoch(epoch);
    m.mutable_upload_again()->set_index(index);
    deliver(m);
  }
  void report_once() {
    connect();
    send_order();
    processes_.end(0, "a\xff", "plain");
    upload_all();
    EXPECT_EQ(said().back(), "completed 0");
  }
};

TEST_F(UploadAgain, EverythingOfTheCommandIsUploadedAgainAndReported) {
  report_once();
  want_again();
  EXPECT_EQ(said(), (Said{"upload 0 kind 1", "upload 0 kind 2"}));
  want_again();
  EXPECT_EQ(upload_all().size(), 2u);
  EXPECT_EQ(said().back(), "completed 0");
  EXPECT_EQ(last_ended_.result().name(), std::string(32, 'a'));
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(UploadAgain, UnderAnotherNameThatNameIsReported) {
  report_once();
  want_again();
  for (const auto& m : std::vector(sent_)) {
    supervisor_->uploaded(m.upload_request(), std::string(32, 'b'));
    events_.run_posted();
  }
  EXPECT_EQ(said().back(), "completed 0");
  EXPECT_EQ(last_ended_.result().name(), std::string(32, 'b'));
  start_agent();
  connect();
  said();
  EXPECT_EQ(last_ended_.result().name(), std::string(32, 'b'));
}

TEST_F(UploadAgain, ARestartInBetweenLosesNothing) {
  report_once();
  want_again();
  start_agent();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "completed 0"}));
  want_again();
  upload_all();
  EXPECT_EQ(said().back(), "completed 0");
}

TEST_F(UploadAgain, WithoutItsSpoolTheResultIsLost) {
  report_once();
  for (const auto& e : std::filesystem::directory_iterator(folder_.file("spool"))) {
    std::filesystem::remove(e.path());
  }
  want_again();
  EXPECT_EQ(said(), Said{"failed 0 ResultLost ResultLost"});
  EXPECT_FALSE(last_ended_.has_result());
}

TEST_F(UploadAgain, IsOnlyForWhatIsReportedAndNotAcknowledged) {
  report_once();
  want_again(2);
  want_again(1, 1);
  action_ = std::string(16, 'z');
  want_again();
  EXPECT_EQ(said(), Said{});
  action_ = std::string(16, 'a');
  acknowledge(0);
  want_again();
  EXPECT_EQ(said(), Said{});
}

TEST_F(World, AnEmptyStateFolderIsAnotherGeneration) {
  connect();
  const auto first = hello_.generation();
  const auto old = execute(order());
  std::filesystem::remove(folder_.file("journal"));
  start_agent();
  connect();
  EXPECT_NE(hello_.generation(), first);
  deliver(old);
  EXPECT_EQ(said(), Said{"refused OtherGeneration"});
}

TEST_F(World, ADamagedJournalMakesInterruptedOfWhatWasOpen) {
  connect();
  const auto first = hello_.generation();
  send_order({"a", "b"});
  auto bytes = *read_file(folder_.file("journal"));
  const auto at = bytes.find_last_not_of('\0');
  bytes[at - 3] = static_cast<char>(bytes[at - 3] ^ 1);  // in the batch of order and intent
  ASSERT_TRUE(write_file_durably(folder_.file("journal"), bytes).ok());
  start_agent();
  EXPECT_FALSE(journal_->quarantine().empty());
  EXPECT_TRUE(path_exists(folder_.file(journal_->quarantine())));
  connect();
  EXPECT_NE(hello_.generation(), first);
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(World, TheLastContactIsSentBack) {
  connect();
  EXPECT_TRUE(hello_.last_contact().empty());
  connect();
  EXPECT_EQ(hello_.last_contact().size(), 16u);
}

}  // namespace
}  // namespace reachback::agent
