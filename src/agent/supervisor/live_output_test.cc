// What watchers are answered, piece by piece, while a command runs and after it.
#include "agent/supervisor/live_output.h"

#include <fcntl.h>

#include "agent/supervisor/test_world.h"

namespace reachback::agent {
namespace {

class LiveOutputTest : public ::testing::Test {
 protected:
  LiveOutputTest()
      : live_(events_, [this](const pb::ToServer& m) {
          auto decoded = protocol::decode_to_server(protocol::encode(m));
          EXPECT_TRUE(decoded.ok()) << decoded.error().message;
          pieces_.push_back(m.output_piece());
        }) {}

  void begin(std::uint32_t index = 0) {
    const std::string name = std::to_string(index);
    files_.out = *open_file(folder_.file("out" + name), O_RDWR | O_CREAT);
    files_.err = *open_file(folder_.file("err" + name), O_RDWR | O_CREAT);
    live_.begin(action_, 7, index, files_);
  }
  void write(const std::string& out, const std::string& err = "") {
    ASSERT_TRUE(write_all(files_.out.get(), out).ok());
    ASSERT_TRUE(write_all(files_.err.get(), err).ok());
    live_.grown();
  }
  void ask(std::uint64_t out, std::uint64_t err = 0, std::uint32_t index = 0,
           std::uint64_t epoch = 7) {
    pb::ReadOutput q;
    q.set_number(++number_);
    q.set_action(std::string(action_.bytes()));
    q.set_epoch(epoch);
    q.set_index(index);
    q.set_stdout_from(out);
    q.set_stderr_from(err);
    live_.asked(q);
  }
  // The only answer since the last call.
  pb::OutputPiece piece() {
    EXPECT_EQ(pieces_.size(), 1u);
    auto out = pieces_.empty() ? pb::OutputPiece() : pieces_.front();
    pieces_.clear();
    return out;
  }

  TestFolder folder_;
  FakeEvents events_;
  ActionId action_ = *ActionId::from_bytes(std::string(16, 'a'));
  StreamFiles files_;
  std::vector<pb::OutputPiece> pieces_;
  std::uint64_t number_ = 0;
  LiveOutput live_;
};

TEST_F(LiveOutputTest, WhatStandsThereIsSaidAtOnceAndWhatComesWhenItComes) {
  begin();
  write("hello ", "oh");
  ask(0, 0);
  auto first = piece();
  EXPECT_EQ(first.stdout(), "hello ");
  EXPECT_EQ(first.stderr(), "oh");
  EXPECT_EQ(first.number(), 1u);
  EXPECT_FALSE(first.whole() || first.gone());
  ask(6, 2);
  EXPECT_TRUE(pieces_.empty());
  events_.fire_timers();  // the rest is over; so is the question's patience
  EXPECT_TRUE(piece().stdout().empty());
  ask(6, 2);
  EXPECT_TRUE(pieces_.empty());
  write("world");
  auto second = piece();
  EXPECT_EQ(second.stdout_from(), 6u);
  EXPECT_EQ(second.stdout(), "world");
}

TEST_F(LiveOutputTest, AWriterOfSingleBytesCostsOneMessageARest) {
  begin();
  ask(0);
  write("a");
  EXPECT_EQ(piece().stdout(), "a");
  ask(1);
  for (int i = 0; i < 100; ++i) {
    write("b");
  }
  EXPECT_TRUE(pieces_.empty());
  events_.fire_timers();
  EXPECT_EQ(piece().stdout(), std::string(100, 'b'));
}

TEST_F(LiveOutputTest, ALongOutputComesInPiecesAndItsEndIsSaidOnce) {
  begin();
  const std::string all = std::string(protocol::kOutputPieceBytesMax, 'x') + "rest";
  write(all);
  ask(0);
  auto first = piece();
  live_.ended();
  EXPECT_EQ(first.stdout().size(), protocol::kOutputPieceBytesMax);
  EXPECT_FALSE(first.whole());
  ask(first.stdout().size());
  auto last = piece();
  EXPECT_EQ(last.stdout(), "rest");
  EXPECT_TRUE(last.whole());
}

TEST_F(LiveOutputTest, WhoWaitsHearsTheEnd) {
  begin();
  ask(0);
  live_.ended();
  EXPECT_TRUE(piece().whole());
}

TEST_F(LiveOutputTest, StreamsThatAreNotHereAreSaidToBeGone) {
  ask(0);
  EXPECT_TRUE(piece().gone());
  begin();
  ask(0, 0, /*index=*/1);
  EXPECT_TRUE(piece().gone());
  ask(0, 0, 0, /*epoch=*/8);
  EXPECT_TRUE(piece().gone());
  write("some");
  ask(0);
  piece();
  live_.ended();
  ask(0);
  EXPECT_TRUE(piece().whole());
  events_.fire_timers();  // the time after the end is over
  ask(0);
  EXPECT_TRUE(piece().gone());
}

TEST_F(LiveOutputTest, ACommandThatNobodyWatchedIsForgottenAtItsEnd) {
  begin();
  write("some");
  live_.ended();
  EXPECT_EQ(events_.timers(), 0u);
  ask(0);
  EXPECT_TRUE(piece().gone());
}

TEST_F(LiveOutputTest, ACommandThatEndedCanStillBeReadWhileTheNextRuns) {
  begin(0);
  ask(0, 0, 0);
  write("first");
  EXPECT_EQ(piece().stdout(), "first");
  live_.ended();
  begin(1);
  write("second");
  ask(0, 0, 0);
  EXPECT_EQ(piece().stdout(), "first");
  ask(0, 0, 1);
  EXPECT_EQ(piece().stdout(), "second");
}

TEST_F(LiveOutputTest, TheOldestOfTooManyQuestionsIsAnsweredWithNothing) {
  begin();
  for (std::size_t i = 0; i < LiveOutput::kQuestionsMax; ++i) {
    ask(0);
  }
  EXPECT_TRUE(pieces_.empty());
  ask(0);
  EXPECT_EQ(piece().number(), 1u);
}

TEST_F(LiveOutputTest, NobodyIsAnsweredAfterTheConnectionHasGone) {
  begin();
  ask(0);
  live_.disconnected();
  write("x");
  events_.fire_timers();
  EXPECT_TRUE(pieces_.empty());
}

TEST_F(World, AScriptsOutputIsSeenWhileItRunsAndItsEndBeforeItsReport) {
  connect();
  send_order();
  pb::ToAgent ask;
  auto& q = *ask.mutable_read_output();
  q.set_number(1);
  q.set_action(action_);
  q.set_epoch(1);
  sent_.clear();
  processes_.write("half");
  deliver(ask);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].output_piece().stdout(), "half");
  q.set_number(2);
  q.set_stdout_from(4);
  deliver(ask);
  sent_.clear();
  processes_.end(0, " and whole");
  ASSERT_GE(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].output_piece().stdout(), " and whole");
  EXPECT_TRUE(sent_[0].output_piece().whole());
  EXPECT_EQ(record().commands.size(), 1u);
}

}  // namespace
}  // namespace reachback::agent
