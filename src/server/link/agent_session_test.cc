// An agent's session on fakes: a good agent, and bad ones (trust.md §5.9).
#include "server/link/link_fixture.h"
#include "server/link/reports.h"

namespace reachback::server {
namespace {

// ---- session (§5.9)

TEST_F(LinkTest, a_good_agent_is_welcomed_gets_the_order_and_its_report_ends_the_action) {
  MachineId id = enrolled();
  auto socket = connected();
  ASSERT_EQ(socket->sent.size(), 1u);
  EXPECT_EQ(socket->sent[0].welcome().machine(), id.bytes());
  EXPECT_TRUE(hub_.claim(id).has_value());
  action::Action a = submit();
  ASSERT_EQ(socket->sent.size(), 2u);
  auto order =
      protocol::verify_order(socket->sent[1].execute_order().order(), signer_.public_key());
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->session(), std::string(15, 'n') + 'n');

  pb::ToServer ask;
  auto& request = *ask.mutable_upload_request();
  request.set_action(std::string(a.id.bytes()));
  request.set_epoch(1);
  request.set_kind(pb::RESULT);
  request.set_bytes(2);
  request.set_sha256(std::string(as_bytes(crypto::sha256("{}"))));
  receive(*socket, ask);
  std::string url = socket->sent.back().upload_grant().url();
  ASSERT_NE(url, "");
  std::string path = url.substr(0, url.find('?'));
  std::string name = path.substr(path.rfind('/') + 1);

  pb::ToServer report;
  auto& ended = *report.mutable_command_ended();
  ended.set_action(std::string(a.id.bytes()));
  ended.set_epoch(1);
  ended.set_outcome(pb::COMPLETED);
  ended.set_started_us(to_micros(clock_.now()));
  ended.set_ended_us(to_micros(clock_.now()));
  ended.set_has_exit_code(true);
  ended.mutable_result()->set_name(name);
  ended.mutable_result()->set_bytes(2);
  ended.mutable_result()->set_sha256(std::string(as_bytes(crypto::sha256("{}"))));
  receive(*socket, report);  // §5.9.11: before the blob is committed
  EXPECT_EQ(socket->sent.back().upload_again().action(), a.id.bytes());
  EXPECT_EQ(socket->sent.back().upload_again().epoch(), 1u);
  EXPECT_EQ(socket->closed, 0);
  EXPECT_EQ(get(a.id).status, action::Status::in_progress);
  ASSERT_TRUE(wait_for<BlobInfo>([&](auto d) { blobs_.put(tenant_, name, "{}", d); }).ok());
  receive(*socket, report);
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
  EXPECT_EQ(get(a.id).status, action::Status::succeeded);
  receive(*socket, report);  // a repeat is acknowledged again
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
}

TEST_F(LinkTest, a_hello_tells_what_its_machine_is_and_a_heartbeat_when_it_was_seen) {
  pb::Hello::Body body;
  pb::NetworkAddress& address = *body.add_addresses();
  address.set_ip("10.1.2.3");
  address.set_mac("abcdef");
  address.set_type(pb::IEEE80211);
  address.set_status(pb::STATUS_DORMANT);
  body.set_os_build(7);
  body.set_os_distribution("D");
  body.set_os_processor("x64");
  const MachineFacts facts = facts_of(body, "192.0.2.1");
  EXPECT_EQ(facts.addresses,
            (std::vector<NetworkAddress>{
                {"10.1.2.3", "abcdef", InterfaceType::ieee80211, OperationalStatus::dormant}}));
  EXPECT_EQ(facts.last_ip, "10.1.2.3");
  EXPECT_EQ(facts.last_external_ip, "192.0.2.1");
  EXPECT_EQ(facts.os_build, 7);

  const MachineId id = enrolled();
  auto socket = connected();
  const Timestamp first = machine(id).last_seen;
  auto heartbeat_after = [&](int minutes) {
    clock_.advance(std::chrono::minutes(minutes));
    pb::ToServer m;
    m.mutable_heartbeat()->set_seq(1);
    receive(*socket, m);
    return machine(id).last_seen;
  };
  EXPECT_EQ(heartbeat_after(14), first);
  const Timestamp later = heartbeat_after(1);
  EXPECT_EQ(later, clock_.now());
  EXPECT_EQ(heartbeat_after(14), later);
}

TEST_F(LinkTest, session_5_9_1_a_hello_of_another_connection_or_key_is_refused) {
  enrolled();
  pb::ToServer m;
  auto socket = open();
  *m.mutable_hello() = hello();
  m.mutable_hello()->set_signature(std::string(64, 'x'));
  receive(*socket, m);
  EXPECT_NE(socket->closed, 0);

  pb::Hello::Body body;
  ASSERT_TRUE(body.ParseFromString(hello().body()));
  auto replayed = open();
  *m.mutable_hello() = protocol::sign_hello(body, std::string(32, 'o'), std::string(32, 'e'), key_);
  receive(*replayed, m);
  EXPECT_NE(replayed->closed, 0);
  EXPECT_EQ(hub_.size(), 0u);
}

TEST_F(LinkTest, session_5_9_1_an_unknown_machine_is_told_not_to_come_back) {
  auto socket = connected();
  ASSERT_EQ(socket->sent.size(), 1u);
  EXPECT_TRUE(socket->sent[0].goodbye().permanent());
  EXPECT_NE(socket->closed, 0);
}

// Strangers are few: 64 of one address, 4096 in all, and the oldest of them are cut.
TEST_F(LinkTest, a_connection_is_a_strangers_until_its_agent_is_welcomed) {
  EXPECT_FALSE(connected()->is_trusted) << "nobody knows this machine";
  enrolled();
  auto silent = open();
  EXPECT_FALSE(silent->is_trusted);
  silent->close(1000, "");
  auto socket = connected();
  EXPECT_TRUE(socket->is_trusted);
  socket->close(1000, "");
}

TEST_F(LinkTest, session_5_9_2_frames_that_are_not_messages_end_it) {
  enrolled();
  for (const std::string& frame :
       {std::string(), std::string("\xff\xff\xff"), std::string(100, '\x10')}) {
    auto socket = connected();
    on_loop([&] { socket->receive(frame); });
    EXPECT_NE(socket->closed, 0);
  }
}

TEST_F(LinkTest, session_5_9_3_a_message_of_an_unknown_kind_is_ignored_and_the_connection_kept) {
  enrolled();
  auto socket = connected();
  const std::string newer("\x82\x06\x03new", 6);  // field 96
  for (int i = 0; i < 3; ++i) {
    on_loop([&] { socket->receive(newer); });
  }
  EXPECT_EQ(socket->closed, 0);
  EXPECT_EQ(socket->sent.size(), 1u);  // the welcome
  submit();
  EXPECT_TRUE(socket->sent.back().has_execute_order());
  auto early = open();
  on_loop([&] { early->receive(newer); });
  EXPECT_NE(early->closed, 0);  // who sends it must be known
}

TEST_F(LinkTest, session_the_first_message_is_a_hello_and_the_only_one) {
  enrolled();
  auto early = open();
  pb::ToServer beat;
  beat.mutable_heartbeat()->set_seq(1);
  receive(*early, beat);
  EXPECT_NE(early->closed, 0);
  auto socket = connected();
  pb::ToServer again;
  *again.mutable_hello() = hello();
  receive(*socket, again);
  EXPECT_NE(socket->closed, 0);
  auto twice = open();
  on_loop([&] {  // the second before the first was looked up
    for (int i = 0; i < 2; ++i) {
      *again.mutable_hello() = hello();
      twice->receive(protocol::encode(again));
    }
  });
  EXPECT_NE(twice->closed, 0);
}

TEST_F(LinkTest,
       session_5_9_5_and_6_actions_of_others_and_unknown_ones_are_forgotten_without_a_change) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  crypto::Ed25519PrivateKey mine = key_;
  key_ = crypto::Ed25519PrivateKey::generate();
  EXPECT_EQ(enroll(enrollment("token", key_, "web-02")).status, 200);
  auto rogue = connected();
  for (const std::string& id : {std::string(a.id.bytes()), std::string(16, 'u')}) {
    pb::ToServer m;
    m.mutable_command_started()->set_action(id);
    m.mutable_command_started()->set_epoch(1);
    m.mutable_command_started()->set_at_us(1);
    receive(*rogue, m);
    EXPECT_TRUE(rogue->sent.back().has_forget_action());
    pb::ToServer ask;
    ask.mutable_upload_request()->set_action(id);
    ask.mutable_upload_request()->set_epoch(1);
    ask.mutable_upload_request()->set_kind(pb::RESULT);
    ask.mutable_upload_request()->set_sha256(std::string(32, 's'));
    receive(*rogue, ask);
    EXPECT_NE(rogue->sent.back().upload_grant().error(), "");
  }
  EXPECT_FALSE(get(a.id).commands[0].started.has_value());
}

TEST_F(LinkTest, session_5_9_8_another_epoch_is_refused) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  for (std::uint64_t epoch : {2u, 99u}) {
    pb::ToServer m;
    m.mutable_command_started()->set_action(std::string(a.id.bytes()));
    m.mutable_command_started()->set_epoch(epoch);
    m.mutable_command_started()->set_at_us(1);
    receive(*socket, m);
    EXPECT_TRUE(socket->sent.back().has_forget_action());
  }
  EXPECT_FALSE(get(a.id).commands[0].started.has_value());
}

pb::ToServer heartbeat(std::uint64_t seq) {
  pb::ToServer m;
  m.mutable_heartbeat()->set_seq(seq);
  return m;
}

TEST_F(LinkTest, session_5_9_18_what_is_said_again_after_a_long_absence_is_read_without_a_pause) {
  enrolled();
  auto socket = connected();
  for (std::uint64_t i = 2; i < SessionLimits().message_burst; ++i) {  // after hello and contact
    receive(*socket, heartbeat(i));
  }
  EXPECT_EQ(socket->pauses, 0);
  EXPECT_EQ(socket->closed, 0);
}

TEST_F(LinkTest, session_5_9_18_over_its_rate_it_is_not_read_until_it_has_earned_more) {
  enrolled();
  SessionLimits limits;
  limits.message_burst = 6;  // two of them for hello and contact
  limits.throttle = std::chrono::milliseconds(20);
  auto socket = connected(limits);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    receive(*socket, heartbeat(i));
  }
  EXPECT_EQ(socket->pauses, 0);
  on_loop([&] {
    socket->receive(protocol::encode(heartbeat(5)));
    EXPECT_EQ(socket->pauses, 1);
    socket->receive(protocol::encode(heartbeat(6)));  // was in the buffer: handled, no second pause
    EXPECT_EQ(socket->pauses, 1);
  });
  EXPECT_EQ(hub_.claim(protocol::machine_id_of(key_.public_key().spki()))->heartbeat, 6u);
  clock_.advance(std::chrono::seconds(1));
  for (int i = 0; i < 500 && socket->pauses > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    on_loop([] {});
  }
  EXPECT_EQ(socket->pauses, 0);
  receive(*socket, heartbeat(7));
  EXPECT_EQ(socket->pauses, 0);
  EXPECT_EQ(socket->closed, 0);
}

TEST_F(LinkTest, session_5_9_18_over_its_rate_for_long_it_is_closed) {
  enrolled();
  SessionLimits limits;
  limits.message_burst = 5;
  limits.throttle = Duration(0);
  limits.throttles_max = 3;
  auto socket = connected(limits);
  int pauses = 0;
  for (std::uint64_t i = 1; i <= 1000 && socket->closed == 0; ++i) {
    on_loop([&, i] {
      socket->receive(protocol::encode(heartbeat(i)));
      pauses += socket->pauses > 0 ? 1 : 0;
    });
    for (int round = 0; round < 100 && socket->pauses > 0; ++round) {
      on_loop([] {});
    }
  }
  EXPECT_EQ(pauses, 3);
  ASSERT_NE(socket->closed, 0);
  EXPECT_EQ(socket->sent.back().goodbye().reason(), "too many messages");
  EXPECT_FALSE(socket->sent.back().goodbye().permanent());
}

TEST_F(LinkTest, session_5_9_19_the_newer_of_two_sessions_wins) {
  MachineId id = enrolled();
  auto older = connected();
  auto newer = connected();
  EXPECT_NE(older->closed, 0);
  EXPECT_EQ(newer->closed, 0);
  EXPECT_TRUE(hub_.claim(id).has_value());
}

TEST_F(LinkTest, an_order_that_the_agent_holds_is_not_pushed_at_every_heartbeat) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  auto orders = [&] {
    return std::count_if(socket->sent.begin(), socket->sent.end(),
                         [](const pb::ToAgent& m) { return m.has_execute_order(); });
  };
  pb::ToServer beat;
  beat.mutable_heartbeat()->set_seq(1);
  receive(*socket, beat);
  EXPECT_EQ(orders(), 2);  // not acknowledged: pushed again
  pb::ToServer received;
  received.mutable_order_received()->set_action(std::string(a.id.bytes()));
  received.mutable_order_received()->set_epoch(1);
  receive(*socket, received);
  beat.mutable_heartbeat()->set_seq(2);
  receive(*socket, beat);
  EXPECT_EQ(orders(), 2);
}

TEST_F(LinkTest, nothing_is_granted_to_an_agent_that_has_missed_its_heartbeat) {
  const MachineId id = enrolled();
  auto socket = connected();
  clock_.advance(std::chrono::seconds(36));  // the longest that a heartbeat takes
  ASSERT_TRUE(hub_.claim(id).has_value());
  EXPECT_EQ(hub_.claim(id)->since, clock_.now() - std::chrono::seconds(36));
  const TenantId tenant = hub_.claim(id)->tenant;
  EXPECT_EQ(hub_.online(tenant), std::vector<MachineId>{id});
  EXPECT_TRUE(hub_.online(TenantId()).empty());
  clock_.advance(std::chrono::seconds(5));
  EXPECT_FALSE(hub_.claim(id).has_value());
  EXPECT_TRUE(hub_.online(tenant).empty()) << "as long as it has a claim";
  action::Action a = submit();
  EXPECT_EQ(get(a.id).status, action::Status::pending) << "it ends with the queue time at worst";
  EXPECT_FALSE(socket->sent.back().has_execute_order());
  pb::ToServer beat;
  beat.mutable_heartbeat()->set_seq(1);
  receive(*socket, beat);
  EXPECT_EQ(get(a.id).status, action::Status::in_progress);
  EXPECT_TRUE(socket->sent.back().has_execute_order());
}

TEST_F(LinkTest, a_restarted_agent_that_knows_the_order_still_gets_its_scripts) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  receive(*socket, received(a));
  life_ = std::string(16, 'm');
  auto again = connected();
  EXPECT_EQ(orders(*again), 0) << "it has been received: who has it must say so first";
  blobs_.faults().fail_next(Error{Errc::unavailable, "slow"});  // the push is lost
  receive(*again, received(a));
  EXPECT_EQ(orders(*again), 0);
  receive(*again, beat(1));
  EXPECT_EQ(orders(*again), 1);
}

TEST_F(LinkTest, a_store_that_is_down_ends_the_session_and_loses_no_report) {
  enrolled();
  auto socket = connected();
  action::Action a = submit();
  pb::ToServer report;
  auto& ended = *report.mutable_command_ended();
  ended.set_action(std::string(a.id.bytes()));
  ended.set_epoch(1);
  ended.set_outcome(pb::FAILED);
  ended.set_ended_us(to_micros(clock_.now()));
  stores_.actions().faults().fail_next(Error{Errc::unavailable, "down"});
  receive(*socket, report);
  EXPECT_FALSE(socket->sent.back().has_report_acknowledged());
  EXPECT_NE(socket->closed, 0);
  auto again = connected();
  receive(*again, report);
  EXPECT_TRUE(again->sent.back().has_report_acknowledged());
  EXPECT_EQ(get(a.id).status, action::Status::failed);
}

}  // namespace
}  // namespace reachback::server
