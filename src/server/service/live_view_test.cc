// What a watcher is told, and when: an action that is changed by hand, an agent that is played by
// hand.
#include "server/service/live_view.h"

#include <gtest/gtest.h>

#include "testing/fake_links.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"

namespace reachback::server {
namespace {

using Kind = ViewEvent::Kind;

class LiveViewTest : public ::testing::Test {
 protected:
  LiveViewTest() {
    action_ = testing::sample_action(random_, tenant_, testing::sample_machine_id(random_));
    action_.commands = {action_.commands[1], action_.commands[1]};  // two scripts
    action_.epoch = 3;
    Claim claim;
    claim.machine = action_.machine;
    links_.connect(claim);
  }

  void watch(bool with_output = true, std::optional<ViewPosition> from = std::nullopt) {
    view_ = LiveView::create(
        {[this](const Principal&, ActionId, Done<action::Action> done) {
           ++reads_;
           done(missing_ ? Result<action::Action>(Error{Errc::not_found, "no such action"})
                         : Result<action::Action>(action_));
         },
         links_, changes_, scheduler_},
        action_.id, with_output, from);
    next();
  }
  void next() {
    answered_ = false;
    view_->next(Principal(), [this](Result<std::vector<ViewEvent>> events) {
      answered_ = true;
      last_ = std::move(events);
    });
  }
  // What next() has said, as short words, and asks on. "": it waits. "-": nothing new.
  std::string said() {
    std::string out;
    while (answered_) {
      if (!last_->ok()) {
        return out + "error " + last_->error().message;
      }
      bool end = false;
      if ((*last_)->empty()) {
        out += "- ";
      }
      for (const ViewEvent& e : **last_) {
        out += words(e) + " ";
        position_ = e.after;
        end = end || e.kind == Kind::end;
      }
      answered_ = false;
      if (!end) {
        next();
      }
    }
    return out;
  }
  static std::string words(const ViewEvent& e) {
    const std::string at =
        (e.stream == ViewEvent::Stream::out ? "out" : "err") + std::to_string(e.offset);
    switch (e.kind) {
      case Kind::status:
        return "status" + std::to_string(static_cast<int>(e.status));
      case Kind::command:
        return (e.command.status == action::CommandStatus::created ? "started" : "ended") +
               std::to_string(e.index);
      case Kind::output:
        return at + "=" + e.text;
      case Kind::gap:
        return "gap:" + at;
      case Kind::end:
        return "end";
    }
    return "?";
  }
  void changed() { changes_.wake_all(action_.id); }
  void grant() {
    action_.status = action::Status::in_progress;
    changed();
  }
  void start(std::size_t index) {
    action_.commands[index].started = testing::sample_time(1);
    changed();
  }
  void end(std::size_t index) {
    action_.commands[index].status = action::CommandStatus::completed;
    if (index == 1) {
      action_.status = action::Status::succeeded;
    }
    changed();
  }
  bool is_asked() const { return !links_.reads.empty(); }
  void answer(const std::string& out, const std::string& err = "", bool whole = false) {
    ASSERT_TRUE(is_asked());
    auto [ask, done] = links_.reads.back();
    links_.reads.clear();
    pb::OutputPiece piece;
    piece.set_stdout_from(ask.stdout_from());
    piece.set_stderr_from(ask.stderr_from());
    piece.set_stdout(out);
    piece.set_stderr(err);
    piece.set_whole(whole);
    done(piece);
  }
  void gone() {
    ASSERT_TRUE(is_asked());
    auto done = links_.reads.back().second;
    links_.reads.clear();
    pb::OutputPiece piece;
    piece.set_stdout_from(position_.out);
    piece.set_stderr_from(position_.err);
    piece.set_gone(true);
    done(piece);
  }
  void lost() {
    ASSERT_TRUE(is_asked());
    auto done = links_.reads.back().second;
    links_.reads.clear();
    done(Error{Errc::unavailable, "the agent is not connected any more"});
  }

  testing::SeededRandom random_{1};
  TenantId tenant_ = *TenantId::from_bytes(std::string(16, 't'));
  action::Action action_;
  bool missing_ = false;
  int reads_ = 0;
  testing::FakeAgentLinks links_;
  Waiters changes_;
  testing::FakeScheduler scheduler_;
  std::shared_ptr<LiveView> view_;
  bool answered_ = false;
  std::optional<Result<std::vector<ViewEvent>>> last_;
  ViewPosition position_;
};

TEST_F(LiveViewTest, EverythingIsToldInOrderOutputBeforeTheEndOfItsCommand) {
  watch();
  EXPECT_EQ(said(), "status0 ");
  EXPECT_FALSE(is_asked());
  grant();
  EXPECT_EQ(said(), "status4 ");
  start(0);
  EXPECT_EQ(said(), "started0 ");
  answer("hello ", "oh");
  EXPECT_EQ(said(), "out0=hello  err0=oh ");
  EXPECT_EQ(position_, (ViewPosition{0, 6, 2}));
  end(0);  // told before the last of its output has come
  EXPECT_EQ(said(), "");
  EXPECT_EQ(links_.reads.back().first.stdout_from(), 6u);
  EXPECT_EQ(links_.reads.back().first.epoch(), 3u);
  answer("world", "", /*whole=*/true);
  EXPECT_EQ(said(), "out6=world ended0 ");
  start(1);
  EXPECT_EQ(said(), "started1 ");
  answer("", "", /*whole=*/true);
  EXPECT_EQ(said(), "");
  end(1);
  EXPECT_EQ(said(), "ended1 status5 end ");
}

TEST_F(LiveViewTest, ACharacterIsNeverCutAndBytesThatAreNoneAreCounted) {
  grant();
  start(0);
  watch();
  said();
  answer("a\xe2\x82");  // two thirds of a euro sign
  EXPECT_EQ(said(), "out0=a ");
  EXPECT_EQ(position_.out, 1u);
  EXPECT_EQ(links_.reads.back().first.stdout_from(), 3u);
  answer("\xac\xff!");
  EXPECT_EQ(said(), "out1=\xe2\x82\xac\xef\xbf\xbd! ");
  EXPECT_EQ(position_.out, 6u);
  answer("\xf0\x9f", "", /*whole=*/true);  // and nothing follows
  EXPECT_EQ(said(), "out6=\xef\xbf\xbd ");
}

TEST_F(LiveViewTest, AWatcherThatWasCutGoesOnWhereItWas) {
  grant();
  start(0);
  watch(true, ViewPosition{0, 100, 7});
  EXPECT_EQ(said(), "status4 started0 ");
  EXPECT_EQ(links_.reads.back().first.stdout_from(), 100u);
  EXPECT_EQ(links_.reads.back().first.stderr_from(), 7u);
  answer("more");
  EXPECT_EQ(said(), "out100=more ");
}

TEST_F(LiveViewTest, WhatCouldNotBeSeenIsSaid) {
  grant();
  start(0);
  watch();
  said();
  answer("some");
  said();
  end(0);
  gone();
  EXPECT_EQ(said(), "gap:out4 gap:err0 ended0 ");
}

TEST_F(LiveViewTest, AnActionThatIsOverIsToldWithoutAskingAnybody) {
  grant();
  start(0);
  end(0);
  start(1);
  end(1);
  watch();
  EXPECT_EQ(said(), "ended0 ended1 status5 end ");
  EXPECT_FALSE(is_asked());
  // Who had seen some of it learns that the rest was missed.
  watch(true, ViewPosition{1, 5, 0});
  EXPECT_EQ(said(), "gap:out5 gap:err0 ended1 status5 end ");
}

TEST_F(LiveViewTest, ACommandThatNeverStartedIsNotTold) {
  grant();
  start(0);
  watch();
  said();
  answer("x", "", true);
  EXPECT_EQ(said(), "out0=x ");
  action_.commands[0].status = action::CommandStatus::failed;
  action_.status = action::Status::failed;
  changed();
  EXPECT_EQ(said(), "ended0 status3 end ");
}

TEST_F(LiveViewTest, AMachineThatComesBackIsAskedOn) {
  grant();
  start(0);
  watch();
  said();
  answer("one");
  said();
  lost();
  EXPECT_EQ(said(), "");
  EXPECT_FALSE(is_asked());
  scheduler_.pass(LiveView::kRetry);
  ASSERT_TRUE(is_asked());
  EXPECT_EQ(links_.reads.back().first.stdout_from(), 3u);
  answer("two");
  EXPECT_EQ(said(), "out3=two ");
  links_.disconnect(action_.machine);
  lost();
  end(0);
  EXPECT_EQ(said(), "gap:out6 gap:err0 ended0 ");
}

TEST_F(LiveViewTest, WithoutTheRightToResultsNoOutputIsAskedFor) {
  grant();
  start(0);
  watch(/*with_output=*/false);
  EXPECT_EQ(said(), "status4 started0 ");
  EXPECT_FALSE(is_asked());
  end(0);
  EXPECT_EQ(said(), "ended0 ");
}

TEST_F(LiveViewTest, ASlowWatcherIsWaitedForAndNobodyElse) {
  grant();
  start(0);
  watch();
  said();
  answer("one");
  ASSERT_TRUE(answered_);
  // The watcher does not come back: one piece more is asked for, and then none.
  answer("two");
  EXPECT_FALSE(is_asked());
  EXPECT_EQ(said(), "out0=one out3=two ");
  EXPECT_TRUE(is_asked());
}

TEST_F(LiveViewTest, SomethingIsSaidEveryTickAndTheActionLookedAt) {
  watch();
  EXPECT_EQ(said(), "status0 ");
  action_.status = action::Status::in_progress;  // and nobody says so
  scheduler_.pass(LiveView::kTick);
  EXPECT_EQ(said(), "- status4 ");
  const int reads = reads_;
  scheduler_.pass(LiveView::kTick - std::chrono::seconds(1));
  EXPECT_EQ(reads_, reads);
}

TEST_F(LiveViewTest, AnAgentThatNeverAnswersHoldsNothingUp) {
  grant();
  start(0);
  watch();
  said();
  end(0);
  EXPECT_EQ(said(), "");
  for (int i = 0; i < 3; ++i) {
    scheduler_.pass(LiveView::kTick);
  }
  EXPECT_EQ(said(), "- gap:out0 gap:err0 ended0 ");
}

TEST_F(LiveViewTest, AnAnswerToAnotherQuestionIsNotBelieved) {
  grant();
  start(0);
  watch();
  said();
  auto done = links_.reads.back().second;
  links_.reads.clear();
  pb::OutputPiece piece;
  piece.set_stdout_from(1000);
  piece.set_stdout("not asked for");
  done(piece);
  EXPECT_EQ(said(), "");
}

TEST_F(LiveViewTest, AnActionThatIsNotThereAndAPositionBehindItsEndAreErrors) {
  missing_ = true;
  watch();
  EXPECT_EQ(said(), "error no such action");
  missing_ = false;
  watch(true, ViewPosition{3, 0, 0});
  EXPECT_EQ(said(), "error The last event id names a command that is not there");
}

TEST_F(LiveViewTest, AWatcherLearnsThatTheServerStops) {
  watch();
  said();
  view_->stop();
  EXPECT_TRUE(answered_);
  EXPECT_FALSE(last_->ok());
  EXPECT_EQ(last_->error().code, Errc::unavailable);
}

TEST(ViewPosition, IsReadBackAndNothingElseIsTaken) {
  const ViewPosition p{7, 1234567890123, 9};
  EXPECT_EQ(ViewPosition::parse(p.text()), p);
  for (const char* bad : {"", "1", "1-2", "1-2-", "1-2-3-", "1-2-3-4", "-1-2-3", "01-2-3", "1-+2-3",
                          "1-2-9223372036854775808", "4294967296-0-0", " 1-2-3", "1-2-3 "}) {
    EXPECT_FALSE(ViewPosition::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace reachback::server
