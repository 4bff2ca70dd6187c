// The receipts of commands: what they say, and that they are one chain.
#include "agent/supervisor/test_world.h"

namespace reachback::agent {
namespace {

class Receipts : public World {
 protected:
  pb::Receipt receipt_of_last() {
    auto r = protocol::verify_receipt(last_ended_.receipt(), machine_key_.public_key());
    EXPECT_TRUE(r.ok()) << r.error().message;
    return r.ok() ? *r : pb::Receipt();
  }
  static std::string digest(std::string_view bytes) {
    return std::string(as_bytes(crypto::sha256(bytes)));
  }
  void run(char name, const std::string& out = "hi\n") {
    action_ = std::string(16, name);
    send_order();
    processes_.end(3, out, "oh\n");
    result_ = upload_all()[pb::RESULT];
    said();
    acknowledge(0);
  }
  std::string result_;
};

TEST_F(Receipts, AReceiptSaysWhatTheCommandDidAndIsSignedByTheMachine) {
  connect();
  const auto m = execute(order());
  const std::int64_t started = to_micros(clock_.now());
  deliver(m);
  clock_.pass(std::chrono::seconds(2));
  processes_.end(7, "hi\xff\n", "oh\n");
  auto blobs = upload_all();
  said();
  const pb::Receipt r = receipt_of_last();
  EXPECT_EQ(r.machine(), machine_.bytes());
  EXPECT_EQ(r.number(), 1u);
  EXPECT_EQ(r.previous(), "");
  EXPECT_EQ(r.generation(), journal_->state().generation.bytes());
  EXPECT_EQ(r.action(), action_);
  EXPECT_EQ(r.epoch(), 1u);
  EXPECT_EQ(r.index(), 0u);
  EXPECT_EQ(r.order_sha256(), digest(m.execute_order().order().order()));
  EXPECT_EQ(r.script_sha256(), digest("echo hi\n"));
  EXPECT_EQ(r.script_name(), "a.sh");
  EXPECT_EQ(r.outcome(), pb::COMPLETED);
  EXPECT_EQ(r.started_us(), started);
  EXPECT_EQ(r.ended_us(), started + 2000000);
  EXPECT_EQ(r.exit_code(), 7);
  EXPECT_EQ(r.stdout_sha256(), digest("hi\xff\n")) << "of the bytes as written, not as shown";
  EXPECT_EQ(r.stdout_bytes(), 4u);
  EXPECT_EQ(r.stderr_sha256(), digest("oh\n"));
  EXPECT_EQ(r.result_sha256(), digest(blobs[pb::RESULT]));
  EXPECT_EQ(r.result_bytes(), blobs[pb::RESULT].size());
  auto stranger = crypto::Ed25519PrivateKey::generate();
  EXPECT_FALSE(protocol::verify_receipt(last_ended_.receipt(), stranger.public_key()).ok());
  EXPECT_FALSE(
      protocol::verify_receipt(protocol::sign_receipt(r, stranger), stranger.public_key()).ok())
      << "signed by a key that is not this machine's";
}

TEST_F(Receipts, AReceiptCostsNoWriteOfItsOwn) {
  connect();
  layer_.syncs = 0;
  send_order();
  processes_.end(0);
  EXPECT_EQ(layer_.syncs, 2);
}

TEST_F(Receipts, EachNamesTheOneBeforeAcrossRestartsAndCompaction) {
  connect();
  std::string before;
  for (int i = 0; i < 5; ++i) {
    run(static_cast<char>('b' + i));
    const pb::Receipt r = receipt_of_last();
    EXPECT_EQ(r.number(), static_cast<std::uint64_t>(i) + 1);
    EXPECT_EQ(r.previous(), before);
    before = digest(last_ended_.receipt().receipt());
    if (i == 1) {
      start_agent();
      connect();
    }
    if (i == 2) {
      reboot();
      connect();
    }
  }
  // Only a snapshot without the records of finished actions.
  const auto entries = snapshot(journal_->state(), clock_.now() + std::chrono::hours(1));
  JournalState folded;
  for (const Entry& e : entries) {
    ASSERT_TRUE(folded.apply(e).ok());
  }
  EXPECT_TRUE(folded.actions.empty());
  EXPECT_EQ(folded.receipt_head.number, 5u);
  EXPECT_EQ(folded.receipt_head.sha256, before);
}

TEST_F(Receipts, WhatDidNotRunOrWasInterruptedHasAReceiptToo) {
  connect();
  deliver(execute(order({"echo hi\n"}), {"other\n"}));
  said();
  EXPECT_EQ(receipt_of_last().outcome(), pb::FAILED);
  EXPECT_EQ(receipt_of_last().started_us(), 0);
  EXPECT_EQ(receipt_of_last().result_sha256(), "");
  acknowledge(0);
  action_ = std::string(16, 'i');
  send_order();
  start_agent();  // died with it
  connect();
  said();
  EXPECT_EQ(receipt_of_last().number(), 2u);
  EXPECT_EQ(receipt_of_last().outcome(), pb::FAILED);
  EXPECT_FALSE(receipt_of_last().has_exit_code());
}

TEST_F(Receipts, ANewJournalIsSeenInTheChain) {
  connect();
  run('b');
  const std::string generation = receipt_of_last().generation();
  supervisor_.reset();
  journal_.reset();
  std::filesystem::remove(folder_.file("journal"));
  start_agent();
  connect();
  run('c');
  EXPECT_EQ(receipt_of_last().number(), 1u);
  EXPECT_NE(receipt_of_last().generation(), generation);
}

}  // namespace
}  // namespace reachback::agent
