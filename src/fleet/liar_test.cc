#include "fleet/liar.h"

#include "fleet/test_support.h"
#include "testing/fake_clock.h"
#include "testing/seeded_random.h"

namespace reachback::fleet {
namespace {

const std::string kAction(16, 'a');
const std::string kForeign(16, 'f');

class LiarTest : public ::testing::Test {
 protected:
  pb::Hello begin() {
    return liar_.begin_session(challenge(), [this](const pb::ToServer& m) {
      EXPECT_TRUE(protocol::decode_to_server(protocol::encode(m)).ok())
          << "a lie that breaks the protocol is refused for that: " << m.message_case();
      sent_.push_back(m);
    });
  }
  // A connection that is welcomed, what was said so far forgotten.
  void connect() {
    begin();
    liar_.end_session();  // the forged hello
    begin();
    liar_.deliver(welcome(), {});
  }
  std::vector<pb::ToServer> sent() { return std::exchange(sent_, {}); }
  // A report of the honest part as it leaves.
  pb::CommandEnded say(pb::ToServer report) {
    honest_.say(std::move(report));
    return sent().back().command_ended();
  }

  FakeSupervisor honest_;
  Stats stats_;
  Rumours rumours_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  crypto::Ed25519PrivateKey stranger_ = crypto::Ed25519PrivateKey::generate();
  std::vector<pb::ToServer> sent_;
  Liar liar_{honest_, MachineId(), stats_, rumours_, clock_, random_, stranger_};
};

TEST_F(LiarTest, TheFirstHelloIsSignedByAnotherKeyAndTheSecondIsGood) {
  const auto c = challenge();
  EXPECT_FALSE(protocol::verify_hello(begin(), c.server_nonce, c.exporter).ok());
  EXPECT_EQ(stats_.lies_refused, 0u);
  liar_.end_session();
  EXPECT_EQ(stats_.lies, 1u);
  EXPECT_EQ(stats_.lies_refused, 1u);
  EXPECT_TRUE(protocol::verify_hello(begin(), c.server_nonce, c.exporter).ok());
}

TEST_F(LiarTest, AWelcomeToAForgedHelloIsALieBelieved) {
  begin();
  liar_.deliver(welcome(), {});
  EXPECT_EQ(stats_.lies_believed, 1u);
  EXPECT_EQ(honest_.count(pb::ToAgent::kWelcome), 1u);
}

TEST_F(LiarTest, TellsOfAnActionThatNobodyGranted) {
  connect();
  const auto said = sent();
  ASSERT_EQ(said.size(), 1u);
  const auto& lie = said[0].command_ended();
  EXPECT_EQ(lie.outcome(), pb::FAILED);
  liar_.deliver(forget(lie.action(), lie.epoch()), {});
  EXPECT_EQ(stats_.lies_refused, 2u) << "the hello, and this";
  EXPECT_EQ(honest_.count(pb::ToAgent::kForgetAction), 0u) << "the honest part hears nothing of it";
  liar_.deliver(forget(lie.action(), lie.epoch()), {});
  EXPECT_EQ(honest_.count(pb::ToAgent::kForgetAction), 1u) << "an answer too many is the truth's";
}

TEST_F(LiarTest, TellsOfWhatIsAnotherMachines) {
  rumours_.spread({*MachineId::from_bytes(std::string(20, 'x')), kForeign, 3});
  connect();
  std::multiset<int> kinds;
  std::size_t due = 0;
  for (const auto& lie : sent()) {
    if (lie.has_command_ended() && lie.command_ended().action() != kForeign) {
      continue;
    }
    kinds.insert(lie.message_case());
    due += lie.has_upload_request() ? 0 : 1;
  }
  EXPECT_EQ(kinds,
            (std::multiset<int>{pb::ToServer::kCancelConfirmed, pb::ToServer::kCommandStarted,
                                pb::ToServer::kCommandEnded, pb::ToServer::kUploadRequest}));
  const auto before = stats_.lies_refused.load();
  for (std::size_t i = 0; i < due; ++i) {
    liar_.deliver(forget(kForeign, 3), {});
  }
  EXPECT_EQ(stats_.lies_refused, before + 3);
  EXPECT_EQ(honest_.count(pb::ToAgent::kForgetAction), 0u);
}

TEST_F(LiarTest, ALinkForAnothersUploadIsALieBelieved) {
  rumours_.spread({*MachineId::from_bytes(std::string(20, 'x')), kForeign, 3});
  connect();
  pb::UploadRequest request;
  request.set_action(kForeign);
  EXPECT_EQ(liar_.open_spool(request).error().code, Errc::not_found);
  EXPECT_EQ(stats_.lies_believed, 1u);
  request.set_action(kAction);
  EXPECT_EQ(liar_.open_spool(request).error().message, "the honest one was asked");
}

TEST_F(LiarTest, TellsOfEpochsToComeAndOfResultsThatStandNowhere) {
  connect();
  sent();
  liar_.deliver(order(kAction, 2), {});
  const auto said = sent();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(honest_.count(pb::ToAgent::kExecuteOrder), 1u) << "and does what it is told";
  const auto& to_come = said[0].command_ended();
  EXPECT_EQ(to_come.action(), kAction);
  EXPECT_GT(to_come.epoch(), 2u);
  liar_.deliver(forget(kAction, to_come.epoch()), {});
  EXPECT_EQ(honest_.count(pb::ToAgent::kForgetAction), 0u);

  const auto& nowhere = said[1].command_ended();
  EXPECT_EQ(nowhere.epoch(), 2u);
  EXPECT_EQ(nowhere.outcome(), pb::COMPLETED);
  EXPECT_EQ(nowhere.result().name().size(), 32u);
  const auto before = stats_.lies_refused.load();
  pb::ToAgent again;
  again.mutable_upload_again()->set_action(kAction);
  again.mutable_upload_again()->set_epoch(2);
  liar_.deliver(again, {});
  EXPECT_EQ(stats_.lies_refused, before + 1);
}

TEST_F(LiarTest, AnAcknowledgementBeforeTheTruthWasToldIsALieBelieved) {
  connect();
  liar_.deliver(order(kAction), {});
  liar_.deliver(acknowledged(kAction), {});
  EXPECT_EQ(stats_.lies_believed, 1u);
  EXPECT_EQ(honest_.count(pb::ToAgent::kReportAcknowledged), 0u);
}

TEST_F(LiarTest, AnAcknowledgementOfTheTruthIsTheHonestParts) {
  connect();
  liar_.deliver(order(kAction), {});
  say(ended(kAction));
  liar_.deliver(acknowledged(kAction), {});
  EXPECT_EQ(stats_.lies_believed, 0u);
  EXPECT_EQ(honest_.count(pb::ToAgent::kReportAcknowledged), 1u);
}

TEST_F(LiarTest, AnAcknowledgementOfAnEpochToComeIsALieBelieved) {
  connect();
  sent();
  liar_.deliver(order(kAction), {});
  liar_.deliver(acknowledged(kAction, sent()[0].command_ended().epoch()), {});
  EXPECT_EQ(stats_.lies_believed, 1u);
}

TEST_F(LiarTest, ItsReceiptsAreAnotherKeys) {
  connect();
  pb::Receipt receipt;
  receipt.set_machine(
      std::string(protocol::machine_id_of(honest_.key.public_key().spki()).bytes()));
  receipt.set_number(1);
  receipt.set_generation(std::string(16, 'g'));
  receipt.set_action(kAction);
  receipt.set_epoch(1);
  receipt.set_order_sha256(std::string(32, 'o'));
  receipt.set_outcome(pb::FAILED);
  pb::ToServer report = ended(kAction, pb::FAILED);
  *report.mutable_command_ended()->mutable_receipt() = protocol::sign_receipt(receipt, honest_.key);
  ASSERT_TRUE(
      protocol::verify_receipt(report.command_ended().receipt(), honest_.key.public_key()).ok());
  const auto left = say(report);
  EXPECT_EQ(left.outcome(), pb::FAILED);
  EXPECT_EQ(left.receipt().receipt(), report.command_ended().receipt().receipt());
  EXPECT_FALSE(protocol::verify_receipt(left.receipt(), honest_.key.public_key()).ok());
  EXPECT_EQ(stats_.lies_unanswered, 1u);
}

TEST_F(LiarTest, EveryLieIsRefusedBelievedOrUnansweredInTheEnd) {
  rumours_.spread({*MachineId::from_bytes(std::string(20, 'x')), kForeign, 3});
  connect();
  liar_.deliver(order(kAction), {});
  say(ended(kAction));
  liar_.deliver(forget(kForeign, 3), {});
  liar_.end_session();
  EXPECT_GT(stats_.lies, 8u);
  EXPECT_EQ(stats_.lies, stats_.lies_refused + stats_.lies_unanswered + stats_.lies_believed);
  EXPECT_EQ(stats_.lies_believed, 0u);
}

}  // namespace
}  // namespace reachback::fleet
