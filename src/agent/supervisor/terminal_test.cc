// Terminals: who may type, that each byte is typed once, how they end.
#include "agent/supervisor/test_world.h"
#include "base/bytes.h"

namespace reachback::agent {
namespace {

class Terminals : public World {
 protected:
  Terminals() {
    policy_.terminal = true;
    start_agent();
  }
  void open(const std::string& more = "") {
    connect();
    pb::Order sent = order({});
    auto* c = sent.add_commands();
    c->set_type(pb::TERMINAL);
    c->set_file_name("terminal");
    c->set_args("key=" + to_base64(key_.public_key().spki()) + more);
    c->set_has_args(true);
    c->set_path("/srv");
    c->set_timeout_ms(60000);
    c->set_output_bytes_max(1 << 20);
    std::vector<Fd> no_file(1);
    supervisor_->deliver(execute(sent, {}), std::move(no_file));
    events_.run_posted();
  }
  pb::TerminalInput input(std::uint64_t from, const std::string& typed) {
    pb::TerminalInput m;
    m.set_number(++number_);
    m.set_action(action_);
    m.set_epoch(1);
    m.set_from(from);
    m.set_typed(typed);
    m.set_rows(30);
    m.set_columns(100);
    protocol::sign_terminal_input(m, key_);
    return m;
  }
  // What the agent says to it.
  pb::TerminalTaken send(const pb::TerminalInput& m) {
    sent_.clear();
    pb::ToAgent message;
    *message.mutable_terminal_input() = m;
    deliver(message);
    EXPECT_EQ(sent_.size(), 1u);
    const pb::TerminalTaken taken =
        sent_.empty() ? pb::TerminalTaken() : sent_.back().terminal_taken();
    EXPECT_EQ(taken.number(), m.number());
    sent_.clear();
    return taken;
  }

  crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate();
  std::uint64_t number_ = 0;
};

TEST_F(Terminals, AreAShellWithoutStartFilesThatLeavesTheResultOfAScript) {
  open(" rows=40 columns=132");
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  ASSERT_EQ(processes_.specs.size(), 1u);
  const ProcessSpec& spec = processes_.specs[0];
  EXPECT_EQ(spec.arguments, (std::vector<std::string>{"bash", "--noprofile", "--norc", "-i"}));
  EXPECT_EQ(spec.terminal, (TerminalWindow{40, 132}));
  EXPECT_EQ(spec.folder, "/srv");
  EXPECT_TRUE(spec.grown) << "somebody watches";
  processes_.end(3, "$ exit 3\r\n", "0.5 10\n");
  const auto uploaded = upload_all();
  EXPECT_NE(uploaded.at(pb::RESULT).find(R"("script_name":"terminal","exit_code":3)"),
            std::string::npos);
  EXPECT_NE(uploaded.at(pb::RESULT).find(R"($ exit 3\r\n)"), std::string::npos);
  EXPECT_NE(uploaded.at(pb::RESULT).find(R"(0.5 10\n)"), std::string::npos);
  said();
  EXPECT_EQ(last_ended_.outcome(), pb::COMPLETED);
  EXPECT_EQ(last_ended_.exit_code(), 3);
}

TEST_F(Terminals, TakeEachByteOnceAndInOrder) {
  open();
  EXPECT_EQ(send(input(0, "ls ")).taken(), 3u);
  EXPECT_EQ(send(input(0, "ls ")).taken(), 3u) << "said twice";
  EXPECT_EQ(send(input(1, "s /")).taken(), 4u) << "half of it is new";
  EXPECT_EQ(send(input(9, "late")).taken(), 4u) << "a hole before it";
  EXPECT_EQ(send(input(4, "\r")).taken(), 5u);
  EXPECT_EQ(processes_.typed, "ls /\r");
  EXPECT_EQ(processes_.windows.back(), (TerminalWindow{30, 100}));
}

TEST_F(Terminals, SayHowMuchTheyTookWhenTheyAreFull) {
  open();
  processes_.takes = 4;
  EXPECT_EQ(send(input(0, "0123456789")).taken(), 4u);
  EXPECT_EQ(send(input(4, "456789")).taken(), 8u);
  processes_.takes = 0;
  EXPECT_EQ(send(input(8, "89")).taken(), 8u);
  processes_.takes = SIZE_MAX;
  EXPECT_EQ(send(input(8, "89")).taken(), 10u);
  EXPECT_EQ(processes_.typed, "0123456789");
}

TEST_F(Terminals, ListenToTheKeyOfTheirOrderOnly) {
  open();
  auto forged = input(0, "rm -rf /\r");
  protocol::sign_terminal_input(forged, crypto::Ed25519PrivateKey::generate());
  EXPECT_EQ(send(forged).error().substr(0, 10), "NotSigned:");
  auto moved = input(0, "a");
  moved.set_from(1);
  EXPECT_EQ(send(moved).error().substr(0, 10), "NotSigned:");
  EXPECT_EQ(processes_.typed, "");
  EXPECT_TRUE(processes_.windows.empty());
}

TEST_F(Terminals, AreThereWhileTheyRunOnly) {
  open();
  auto other = input(0, "a");
  other.set_action(std::string(16, 'b'));
  protocol::sign_terminal_input(other, key_);
  EXPECT_EQ(send(other).error().substr(0, 9), "NotThere:");
  auto later = input(0, "a");
  later.set_epoch(2);
  EXPECT_EQ(send(later).error().substr(0, 9), "NotThere:");
  processes_.end(0);
  EXPECT_EQ(send(input(0, "a")).error().substr(0, 9), "NotThere:");
  EXPECT_EQ(processes_.typed, "");
}

TEST_F(Terminals, EndWhenNobodyTypes) {
  open(" idle=60");
  send(input(0, "sleep 1\r"));
  events_.fire_timers();
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0, "$ ");
  upload_all();
  EXPECT_EQ(said().back().substr(0, 8), "failed 0");
  EXPECT_EQ(last_ended_.errors(0).substr(0, 9), "TimedOut:") << "both timers are due here";
}

TEST_F(Terminals, AreForbiddenUnlessThePolicyNamesThem) {
  policy_ = Policy();
  start_agent();
  open();
  EXPECT_EQ(said(), (Said{"refused Policy"}));
  EXPECT_TRUE(processes_.specs.empty());
}

TEST_F(Terminals, ThatCannotBeReadAreFailures) {
  open(" shell=x");
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 InvalidArgs"}));
  EXPECT_TRUE(processes_.specs.empty());
}

}  // namespace
}  // namespace reachback::agent
