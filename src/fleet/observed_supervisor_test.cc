#include "fleet/observed_supervisor.h"

#include "fleet/test_support.h"
#include "testing/fake_clock.h"
#include "testing/seeded_random.h"

namespace reachback::fleet {
namespace {

constexpr auto kOne = static_cast<std::int64_t>(kDescriptorsOfOrder);
const std::string kAction(16, 'a');
const std::string kOther(16, 'o');

class ObservedSupervisorTest : public ::testing::Test {
 protected:
  void connect() {
    observed_->begin_session(challenge(), [this](const pb::ToServer& m) { sent_.push_back(m); });
    observed_->deliver(welcome(), {});
  }
  void say(pb::ToServer message) { inner_.say(std::move(message)); }

  FakeSupervisor inner_;
  Stats stats_;
  Rumours rumours_;
  testing::FakeClock clock_;
  DescriptorBudget budget_{kOne};
  int settled_ = 0;
  std::vector<pb::ToServer> sent_;
  std::unique_ptr<ObservedSupervisor> observed_ = std::make_unique<ObservedSupervisor>(
      inner_, MachineId(), stats_, rumours_, clock_, budget_, [this] { ++settled_; });
};

TEST_F(ObservedSupervisorTest, CountsConnectionsAndComingsBack) {
  connect();
  EXPECT_EQ(stats_.connected, 1);
  EXPECT_EQ(stats_.reconnects, 0u);
  EXPECT_EQ(settled_, 1);
  observed_->end_session();
  EXPECT_EQ(stats_.connected, 0);
  EXPECT_EQ(inner_.ended_sessions, 1);
  observed_->end_session();  // one that did not come to its welcome
  EXPECT_EQ(stats_.connected, 0);
  EXPECT_EQ(settled_, 3);
  connect();
  EXPECT_EQ(stats_.connected, 1);
  EXPECT_EQ(stats_.reconnects, 1u);
  observed_.reset();
  EXPECT_EQ(stats_.connected, 0);
}

TEST_F(ObservedSupervisorTest, AnOrderIsFinishedWithTheAcknowledgementOfItsLastReport) {
  connect();
  observed_->deliver(order(kAction, 1, /*commands=*/2), {});
  EXPECT_EQ(inner_.count(pb::ToAgent::kExecuteOrder), 1u);
  EXPECT_EQ(stats_.orders, 1u);
  EXPECT_EQ(stats_.running, 1);
  clock_.advance(std::chrono::milliseconds(5));
  observed_->deliver(acknowledged(kAction, 1, 0), {});
  EXPECT_EQ(stats_.finished, 0u);
  observed_->deliver(acknowledged(kAction, 1, 1), {});
  EXPECT_EQ(stats_.finished, 1u);
  EXPECT_EQ(stats_.running, 0);
  EXPECT_GE(percentile(stats_.order_to_end.counts(), {}, 0.5), std::chrono::milliseconds(5));
  observed_->deliver(acknowledged(kAction, 1, 1), {});
  EXPECT_EQ(stats_.finished, 1u);
  EXPECT_EQ(inner_.count(pb::ToAgent::kReportAcknowledged), 3u);
}

TEST_F(ObservedSupervisorTest, AFailedCommandEndsItsOrder) {
  connect();
  observed_->deliver(order(kAction, 1, /*commands=*/3), {});
  say(ended(kAction, pb::FAILED, 1));
  EXPECT_EQ(sent_.size(), 1u);
  observed_->deliver(acknowledged(kAction, 1, 0), {});
  EXPECT_EQ(stats_.finished, 0u);
  observed_->deliver(acknowledged(kAction, 1, 1), {});
  EXPECT_EQ(stats_.finished, 1u);
}

TEST_F(ObservedSupervisorTest, AnOrderThatComesTwiceCountsOnce) {
  connect();
  observed_->deliver(order(kAction), {});
  observed_->end_session();
  connect();
  observed_->deliver(order(kAction), {});
  EXPECT_EQ(inner_.count(pb::ToAgent::kExecuteOrder), 2u) << "the agent is asked each time";
  EXPECT_EQ(stats_.orders, 1u);
  EXPECT_EQ(stats_.running, 1);
}

TEST_F(ObservedSupervisorTest, OtherEndsAreCountedByTheirKind) {
  connect();
  const auto open = [this] { observed_->deliver(order(kAction), {}); };
  pb::ToServer said;
  said.mutable_order_refused()->set_action(kAction);
  open();
  say(said);
  say(said);
  EXPECT_EQ(stats_.refused, 1u);
  said.mutable_cancel_confirmed()->set_action(kAction);
  open();
  say(said);
  EXPECT_EQ(stats_.cancelled, 1u);
  said.mutable_not_started()->set_action(kAction);
  open();
  say(said);
  EXPECT_EQ(stats_.not_started, 1u);
  open();
  observed_->deliver(forget(kAction), {});
  observed_->deliver(forget(kOther), {});
  EXPECT_EQ(stats_.forgotten, 1u);
  EXPECT_EQ(inner_.count(pb::ToAgent::kForgetAction), 2u);
  EXPECT_EQ(stats_.orders, 4u);
  EXPECT_EQ(stats_.running, 0);
  EXPECT_EQ(stats_.finished, 0u);
  EXPECT_EQ(budget_.free(), kOne) << "each end gives its descriptors back";
}

TEST_F(ObservedSupervisorTest, AnOrderWaitsForDescriptors) {
  connect();
  observed_->deliver(order(kAction), {});
  observed_->deliver(order(kOther), {});
  EXPECT_EQ(inner_.count(pb::ToAgent::kExecuteOrder), 1u);
  observed_->deliver(acknowledged(kAction), {});
  EXPECT_EQ(inner_.count(pb::ToAgent::kExecuteOrder), 2u);
  EXPECT_EQ(stats_.running, 1);
}

TEST_F(ObservedSupervisorTest, AnOrderThatWaitedAcrossTheEndOfItsSessionIsDropped) {
  connect();
  observed_->deliver(order(kAction), {});
  observed_->deliver(order(kOther), {});
  observed_->end_session();
  connect();
  observed_->deliver(acknowledged(kAction), {});
  EXPECT_EQ(inner_.count(pb::ToAgent::kExecuteOrder), 1u);
  observed_->deliver(order(kOther), {});  // said again to this session
  EXPECT_EQ(inner_.count(pb::ToAgent::kExecuteOrder), 2u);
}

TEST_F(ObservedSupervisorTest, ItsEndGivesBackWhatItHeld) {
  connect();
  observed_->deliver(order(kAction), {});
  observed_.reset();
  EXPECT_EQ(stats_.running, 0);
  EXPECT_EQ(budget_.free(), kOne);
}

TEST_F(ObservedSupervisorTest, SpreadsWhatOthersMayLieAbout) {
  testing::SeededRandom random(1);
  connect();
  EXPECT_FALSE(rumours_.about_others(*MachineId::from_bytes(std::string(20, 'x')), random));
  observed_->deliver(order(kAction, 4), {});
  EXPECT_FALSE(rumours_.about_others(MachineId(), random)) << "of itself it hears nothing";
  const auto heard = rumours_.about_others(*MachineId::from_bytes(std::string(20, 'x')), random);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->action, kAction);
  EXPECT_EQ(heard->epoch, 4u);
}

}  // namespace
}  // namespace reachback::fleet
