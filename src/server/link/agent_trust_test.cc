// Whom a session believes: contacts and clones, refused orders, order keys, receipts.
#include "server/link/link_fixture.h"

namespace reachback::server {
namespace {

// ---- refused orders (trust.md T15, T16)

TEST_F(LinkTest, a_refusal_of_the_order_that_was_pushed_ends_the_action_and_is_audited) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  const std::string pushed = socket->sent.back().execute_order().order().order();
  receive(*socket, refused(a, 1, pushed, "SignatureRequired: unknown key"));
  EXPECT_EQ(get(a.id).status, action::Status::failed);
  EXPECT_EQ(get(a.id).commands[0].errors.front(), "Refused: SignatureRequired: unknown key");
  ASSERT_EQ(audit_.records.size(), 1u);
  EXPECT_EQ(audit_.records[0].kind, "order_refused");
  EXPECT_EQ(audit_.records[0].principal, a.machine.text());
  EXPECT_EQ(audit_.records[0].object, a.id.text() + "/1");
  EXPECT_EQ(audit_.records[0].result, "SignatureRequired");
}

TEST_F(LinkTest, a_refusal_of_any_other_order_is_audited_and_ends_nothing) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  const std::string pushed = socket->sent.back().execute_order().order().order();
  receive(*socket, refused(a, 1, "tampered", "SignatureRequired: x"));  // other bytes
  receive(*socket, refused(a, 9, pushed, "OlderEpoch: x"));             // another epoch
  action::Action other = a;
  other.id = ActionId::make(random_);
  receive(*socket, refused(other, 1, pushed, "WrongMachine: x"));  // another action
  pb::ToServer waits = refused(a, 1, pushed, "SignatureRequired: x");
  waits.mutable_order_refused()->set_never_runs(false);  // it holds the grant
  receive(*socket, waits);
  EXPECT_EQ(audit_.records.size(), 4u);
  EXPECT_EQ(get(a.id).status, action::Status::in_progress);
  for (const auto& m : socket->sent) {
    EXPECT_FALSE(m.has_forget_action()) << "the agent's own grant must not be forgotten";
  }
  receive(*socket, received(a));
  receive(*socket, beat(1));
  EXPECT_EQ(orders(*socket), 1);
}

TEST_F(LinkTest, a_refused_order_is_not_pushed_again_to_the_same_session) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  pb::ToServer m =
      refused(a, 1, socket->sent.back().execute_order().order().order(), "Unhealthy: x");
  m.mutable_order_refused()->set_never_runs(false);
  receive(*socket, m);
  receive(*socket, beat(1));
  EXPECT_EQ(orders(*socket), 1);
}

TEST_F(LinkTest, a_refusal_is_kept_in_mind_when_the_audit_file_is_broken) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  audit_.fails = true;
  receive(*socket,
          refused(a, 1, socket->sent.back().execute_order().order().order(), "DiskFull: x"));
  EXPECT_EQ(get(a.id).status, action::Status::failed);
}

// ---- clones and snapshots (trust.md T39, F18)

TEST_F(LinkTest, nothing_is_granted_before_the_contact_is_kept) {
  MachineId id = enrolled();
  keeps_contact_ = false;
  auto socket = connected();
  action::Action a = submit();
  receive(*socket, beat(1));
  EXPECT_EQ(get(a.id).status, action::Status::pending);
  EXPECT_FALSE(hub_.claim(id).has_value());
  pb::ToServer wrong;
  wrong.mutable_contact_kept()->set_contact(std::string(16, 'x'));
  receive(*socket, wrong);
  EXPECT_EQ(get(a.id).status, action::Status::pending);
  keep_contact(*socket);
  EXPECT_EQ(get(a.id).status, action::Status::in_progress);
  EXPECT_EQ(orders(*socket), 1);
}

TEST_F(LinkTest, a_lost_welcome_is_no_clone) {
  MachineId id = enrolled();
  connected();
  for (int i = 0; i < 3; ++i) {
    keeps_contact_ = false;
    connected();
  }
  keeps_contact_ = true;
  auto socket = connected();
  EXPECT_EQ(socket->closed, 0);
  EXPECT_TRUE(hub_.claim(id).has_value());
  EXPECT_EQ(machine(id).quarantine, std::nullopt);
}

TEST_F(LinkTest, a_contact_that_was_kept_but_never_confirmed_is_no_clone) {
  MachineId id = enrolled();
  connected();
  keeps_contact_ = false;
  auto socket = connected();
  contacts_[key_.public_key().spki()] = socket->sent.front().welcome().contact();
  keeps_contact_ = true;
  EXPECT_EQ(connected()->closed, 0);
  EXPECT_TRUE(hub_.claim(id).has_value());
}

TEST_F(LinkTest, T39_an_older_contact_puts_the_machine_in_quarantine) {
  MachineId id = enrolled();
  connected();
  const auto snapshot = contacts_;
  auto original = connected();
  action::Action running = submit();
  ASSERT_EQ(orders(*original), 1);
  const auto newest = std::exchange(contacts_, snapshot);
  life_ = std::string(16, 'c');
  auto clone = connected();
  EXPECT_NE(clone->closed, 0);
  EXPECT_FALSE(clone->sent.back().goodbye().permanent());
  EXPECT_GE(clone->sent.back().goodbye().reconnect_hint_ms(), 60000u);
  EXPECT_EQ(orders(*clone), 0);
  ASSERT_TRUE(machine(id).quarantine.has_value());
  EXPECT_EQ(audit_.records.back().kind, "machine_quarantined");
  // The original goes on reporting, and gets nothing more.
  EXPECT_EQ(original->closed, 0);
  receive(*original, beat(1));
  EXPECT_EQ(orders(*original), 1);
  EXPECT_FALSE(hub_.claim(id).has_value());
  pb::ToServer started;
  started.mutable_command_started()->set_action(std::string(running.id.bytes()));
  started.mutable_command_started()->set_epoch(1);
  started.mutable_command_started()->set_at_us(1);
  receive(*original, started);
  EXPECT_TRUE(get(running.id).commands[0].started.has_value());
  // A server that starts anew remembers it.
  on_loop([&] { hub_.end_one(id, "restart"); });
  contacts_ = newest;
  auto again = connected();
  EXPECT_TRUE(again->sent.front().has_welcome());
  EXPECT_FALSE(hub_.claim(id).has_value());
  EXPECT_EQ(audit_.records.size(), 1u) << "said once, not at every contact";
}

TEST_F(LinkTest, T39_a_cleared_machine_is_taken_as_it_comes_and_its_twin_is_found_again) {
  MachineId id = enrolled();
  connected();
  const auto snapshot = contacts_;
  connected();
  const auto newer = contacts_;
  contacts_ = snapshot;
  life_ = std::string(16, 'c');
  connected();
  ASSERT_TRUE(machine(id).quarantine.has_value());
  EXPECT_TRUE(
      wait_for([&](auto d) { stores_.machines().set_quarantine(tenant_, id, {}, d); }).ok());
  on_loop([&] { hub_.end_one(id, "cleared"); });
  EXPECT_EQ(connected()->closed, 0);
  EXPECT_TRUE(hub_.claim(id).has_value());
  contacts_ = newer;
  life_ = std::string(16, 'l');
  attempts_ = 100;
  EXPECT_NE(connected()->closed, 0);
  EXPECT_TRUE(machine(id).quarantine.has_value());
}

TEST_F(LinkTest, a_hello_that_comes_late_is_no_clone) {
  MachineId id = enrolled();
  connected();
  pb::ToServer late;
  *late.mutable_hello() = hello();
  auto slow = open();  // the agent has given this connection up
  connected();
  receive(*slow, late);
  EXPECT_NE(slow->closed, 0);
  EXPECT_EQ(machine(id).quarantine, std::nullopt);
  EXPECT_TRUE(hub_.claim(id).has_value());
}

TEST_F(LinkTest, a_hello_that_comes_late_is_no_clone_for_another_server_either) {
  MachineId id = enrolled();
  connected();
  pb::ToServer late;
  *late.mutable_hello() = hello();
  auto slow = open();
  connected();
  on_loop([&] { hub_.end_all("restart"); });
  receive(*slow, late);
  EXPECT_NE(slow->closed, 0);
  EXPECT_EQ(machine(id).quarantine, std::nullopt);
}

TEST_F(LinkTest, who_still_owes_a_report_of_an_earlier_action_is_no_clone) {
  MachineId id = enrolled();
  auto socket = connected();
  action::Action a = submit();
  receive(*socket, received(a));
  auto again = connected();
  action::Action other = a;
  other.id = ActionId::make(random_);
  receive(*again, received(a));
  receive(*again, received(other));
  receive(*again, beat(1));
  EXPECT_EQ(machine(id).quarantine, std::nullopt);
  EXPECT_GE(orders(*again), 1);
}

TEST_F(LinkTest, F18_an_order_that_was_received_goes_only_to_who_says_to_hold_it) {
  MachineId id = enrolled();
  auto original = connected();
  action::Action a = submit();
  receive(*original, received(a));
  // A copy of the state folder made while the original was connected: one contact fits.
  life_ = std::string(16, 'c');
  auto clone = connected();
  EXPECT_EQ(orders(*clone), 0);
  EXPECT_EQ(machine(id).quarantine, std::nullopt) << "it may still say that it holds it";
  receive(*clone, beat(1));
  on_loop([] {});  // the hub's word comes by the loop
  EXPECT_EQ(orders(*clone), 0);
  EXPECT_TRUE(machine(id).quarantine.has_value());
  EXPECT_NE(clone->closed, 0);
}

TEST_F(LinkTest, F18_what_has_started_is_known_after_a_restart_of_the_server_too) {
  MachineId id = enrolled();
  action::Action a;
  {
    auto original = connected();
    a = submit();
    pb::ToServer started;
    started.mutable_command_started()->set_action(std::string(a.id.bytes()));
    started.mutable_command_started()->set_epoch(1);
    started.mutable_command_started()->set_at_us(1);
    receive(*original, started);
    on_loop([&] { hub_.end_one(id, "restart"); });
  }
  life_ = std::string(16, 'c');
  auto clone = connected();
  receive(*clone, beat(1));
  on_loop([] {});  // the hub's word comes by the loop
  EXPECT_EQ(orders(*clone), 0);
  EXPECT_TRUE(machine(id).quarantine.has_value());
}

TEST_F(LinkTest, an_order_made_for_an_earlier_session_is_not_pushed) {
  MachineId id = enrolled();
  auto older = connected();
  action::Action a = submit();
  const pb::ToAgent order = older->sent.back();
  auto newer = connected();
  EXPECT_EQ(orders(*newer), 1);
  on_loop([&] { EXPECT_FALSE(hub_.push(id, order)); });
  EXPECT_EQ(orders(*newer), 1);
}

// ---- order keys

TEST_F(LinkTest, an_agent_with_an_older_list_of_order_keys_is_told_the_newest_and_remembered) {
  MachineId id = enrolled();
  EXPECT_EQ(connected()->sent.size(), 1u);
  signer_.keys_version = 2;
  auto socket = connected();
  ASSERT_EQ(socket->sent.size(), 2u);
  EXPECT_TRUE(
      protocol::verify_order_keys(socket->sent[1].order_keys(), {signer_.public_key()}).ok());
  EXPECT_EQ(hub_.claim(id)->order_keys_version, 1u);
  pb::ToServer kept;
  kept.mutable_order_keys_kept()->set_version(2);
  receive(*socket, kept);
  EXPECT_EQ(hub_.claim(id)->order_keys_version, 2u);
  EXPECT_EQ(machine(id).order_keys_version, 2u);
}

TEST_F(LinkTest, a_signer_that_is_down_leaves_the_action_granted_and_is_asked_again) {
  enrolled();
  auto socket = connected();
  signer_.down = true;
  action::Action a = submit();
  EXPECT_EQ(get(a.id).status, action::Status::in_progress);
  receive(*socket, beat(1));
  EXPECT_EQ(orders(*socket), 0);
  signer_.down = false;
  receive(*socket, beat(2));
  EXPECT_EQ(orders(*socket), 1);
}

// ---- receipts

TEST_F(LinkTest, a_receipt_is_stored_with_its_command_when_it_is_the_machines_word_on_it) {
  MachineId id = enrolled();
  auto socket = connected();
  action::Action a = submit();
  pb::Receipt receipt;
  receipt.set_machine(std::string(id.bytes()));
  receipt.set_number(1);
  receipt.set_generation(std::string(16, 'g'));
  receipt.set_action(std::string(a.id.bytes()));
  receipt.set_epoch(1);
  receipt.set_order_sha256(std::string(32, 'o'));
  receipt.set_outcome(pb::FAILED);
  pb::ToServer report;
  auto& ended = *report.mutable_command_ended();
  ended.set_action(std::string(a.id.bytes()));
  ended.set_epoch(1);
  ended.set_outcome(pb::FAILED);
  ended.set_ended_us(1);
  auto reported = [&](const pb::SignedReceipt& with) {
    *ended.mutable_receipt() = with;
    receive(*socket, report);
    EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
    return get(a.id).commands[0].receipt;
  };
  EXPECT_EQ(reported(protocol::sign_receipt(receipt, crypto::Ed25519PrivateKey::generate())), "");
  pb::Receipt other = receipt;
  other.set_index(1);
  EXPECT_EQ(reported(protocol::sign_receipt(other, key_)), "");
  ended.mutable_file()->set_path("/x");
  ended.mutable_file()->set_sha256(std::string(32, 'f'));
  other = receipt;
  other.set_file_sha256(std::string(32, 'e'));
  EXPECT_EQ(reported(protocol::sign_receipt(other, key_)), "") << "another file than is reported";
  EXPECT_EQ(get(a.id).status, action::Status::failed) << "the report counts without it";
}

TEST_F(LinkTest, a_good_receipt_is_there_to_be_read) {
  MachineId id = enrolled();
  auto socket = connected();
  action::Action a = submit();
  pb::Receipt receipt;
  receipt.set_machine(std::string(id.bytes()));
  receipt.set_number(1);
  receipt.set_generation(std::string(16, 'g'));
  receipt.set_action(std::string(a.id.bytes()));
  receipt.set_epoch(1);
  receipt.set_order_sha256(std::string(32, 'o'));
  receipt.set_outcome(pb::FAILED);
  pb::ToServer report;
  auto& ended = *report.mutable_command_ended();
  ended.set_action(std::string(a.id.bytes()));
  ended.set_epoch(1);
  ended.set_outcome(pb::FAILED);
  ended.set_ended_us(1);
  *ended.mutable_receipt() = protocol::sign_receipt(receipt, key_);
  receive(*socket, report);
  EXPECT_EQ(get(a.id).commands[0].receipt, ended.receipt().signature() + ended.receipt().receipt());
}

}  // namespace
}  // namespace reachback::server
