// An agent's session and the agents' HTTP surface, on fakes: a good agent, and bad ones (trust.md
// §5.8, §5.9).
#include "server/link/agent_session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "json/json.h"
#include "protocol/codec.h"
#include "protocol/signing.h"
#include "server/link/agent_api.h"
#include "server/link/reports.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_exchange.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

class FakeWebSocket : public net::WebSocket {
 public:
  explicit FakeWebSocket(net::Loop& loop) : loop_(loop) {}
  void start(std::function<void(std::string_view)> on_message,
             std::function<void(std::string_view)> on_close) override {
    on_message_ = std::move(on_message);
    on_close_ = std::move(on_close);
  }
  void send(std::string message) override { sent.push_back(*protocol::decode_to_agent(message)); }
  std::size_t queued_bytes() const override { return 0; }
  void close(std::uint16_t code, std::string_view) override {
    closed = code;
    auto on_close = std::move(on_close_);
    on_message_ = nullptr;
    if (on_close) {
      on_close("closed");
    }
  }
  void pause() override { ++pauses; }
  void resume() override { --pauses; }
  net::Executor& loop() override { return loop_; }
  std::string peer_ip() const override { return "127.0.0.1"; }
  std::string tls_exporter() const override { return std::string(32, 'e'); }
  void receive(const std::string& frame) {
    if (on_message_) {
      auto on_message = on_message_;
      on_message(frame);
    }
  }

  std::vector<pb::ToAgent> sent;
  std::uint16_t closed = 0;
  // A test looks at it while the session's timer goes on reading.
  std::atomic<int> pauses{0};

 private:
  net::Loop& loop_;
  std::function<void(std::string_view)> on_message_;
  std::function<void(std::string_view)> on_close_;
};

constexpr char kNonce[] = "0123456789abcdef0123456789abcdef";

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    by_.tenant = tenant_;
    by_.requestor = "app";
    EXPECT_TRUE(
        wait_for([&](auto d) { stores_.apps().add_tenant(Tenant{tenant_, "default"}, d); }).ok());
    add_token("token", std::chrono::hours(1), 2);
    std::string blob(32, 'b');
    EXPECT_TRUE(wait_for<BlobInfo>([&](auto d) { blobs_.put(tenant_, blob, "true", d); }).ok());
    LibraryFile f;
    f.tenant = tenant_;
    f.name = "t.sh";
    f.sha256 = crypto::sha256("true");
    f.bytes = 4;
    f.blob = blob;
    f.created = f.updated = clock_.now();
    EXPECT_TRUE(wait_for<LibraryFile>([&](auto d) { stores_.library().put(f, false, d); }).ok());
    live_ = LiveResponse::create(
        LiveResponseDeps{stores_.actions(), stores_.machines(), stores_.library(), blobs_, notify_,
                         hub_, signer_, audit_, scheduler_, clock_, clock_, random_},
        {}, std::string(32, 'k'));
    machines_ = Machines::create(stores_.machines(), hub_, clock_);
    AgentApiOptions options;
    options.failed_enrollments_per_minute = 3;
    api_ = std::make_unique<AgentApi>(deps(), *machines_, options);
  }
  ~LinkTest() override {
    on_loop([this] { hub_.end_all("over"); });
  }

  SessionDeps deps() {
    return SessionDeps{hub_, stores_.machines(), *live_, clock_, random_, audit_, signer_};
  }
  void add_token(const std::string& text, Duration life, std::uint32_t uses) {
    EnrollmentToken token;
    token.tenant = tenant_;
    token.token = crypto::sha256(text);
    token.created = clock_.now();
    token.expires = clock_.now() + life;
    token.uses_left = uses;
    EXPECT_TRUE(wait_for([&](auto d) { stores_.apps().add_token(token, d); }).ok());
  }
  void on_loop(std::function<void()> work) {
    // What the loop posts to itself may come behind what is posted here at the same moment: hence
    // one step more.
    for (auto* step : {&work, &settle_, &settle_}) {
      auto done = std::make_shared<std::promise<void>>();
      loops_.at(0).post([step, done] {
        (*step)();
        done->set_value();
      });
      done->get_future().get();
    }
  }

  // ---- an agent
  json::Object enrollment(const std::string& token, const crypto::Ed25519PrivateKey& key,
                          const std::string& host = "web-01") {
    std::string spki = key.public_key().spki();
    return {{"token", token},
            {"publicKey", to_base64(spki)},
            {"hostName", host},
            {"osPlatform", "Linux"},
            {"signature", to_base64(key.sign(protocol::enrollment_statement(token, spki, host)))}};
  }
  net::Response post(std::string_view path, const std::string& body,
                     const std::string& method = "POST") {
    net::Request request;
    request.method = method;
    request.target = path;
    auto exchange = std::make_shared<testing::FakeExchange>(std::move(request), body);
    on_loop([&] { api_->handle(exchange); });
    auto r = exchange->wait();
    EXPECT_TRUE(r.has_value());
    return r.value_or(net::Response());
  }
  net::Response enroll(const json::Object& body) {
    return post("/agent/v1/enroll", json::write(body));
  }
  MachineId enrolled() {
    EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
    return protocol::machine_id_of(key_.public_key().spki());
  }
  pb::Hello hello(char generation = 'g') {
    pb::Hello::Body body;
    body.set_public_key(key_.public_key().spki());
    body.set_generation(std::string(16, generation));
    body.set_boot(std::string(16, 'b'));
    body.set_nonce(std::string(15, 'n') + nonce_);
    body.set_host_name("web-01");
    body.set_agent_version("0.1.0");
    body.set_last_contact(contacts_[key_.public_key().spki()]);
    body.set_life(life_);
    body.set_attempt(++attempts_);
    return protocol::sign_hello(body, std::string(kNonce, 32), std::string(32, 'e'), key_);
  }
  std::shared_ptr<FakeWebSocket> open(const SessionLimits& limits = SessionLimits()) {
    auto socket = std::make_shared<FakeWebSocket>(loops_.at(0));
    on_loop([&] {
      std::make_shared<AgentSession>(deps(), limits, socket, std::string(kNonce, 32))->start();
    });
    return socket;
  }
  void receive(FakeWebSocket& socket, const pb::ToServer& m) {
    on_loop([&, frame = protocol::encode(m)] { socket.receive(frame); });
  }
  std::shared_ptr<FakeWebSocket> connected(const SessionLimits& limits = SessionLimits()) {
    auto socket = open(limits);
    pb::ToServer m;
    *m.mutable_hello() = hello();
    ++nonce_;
    receive(*socket, m);
    if (!socket->sent.empty() && socket->sent.front().has_welcome() && keeps_contact_) {
      keep_contact(*socket);
    }
    return socket;
  }
  // What the agent's state folder holds from now on.
  void keep_contact(FakeWebSocket& socket) {
    std::string& contact = contacts_[key_.public_key().spki()];
    contact = socket.sent.front().welcome().contact();
    pb::ToServer m;
    m.mutable_contact_kept()->set_contact(contact);
    receive(socket, m);
  }
  action::Action submit() {
    SubmitRequest r;
    r.machine = protocol::machine_id_of(key_.public_key().spki());
    SubmitCommand c;
    c.file_name = "t.sh";
    r.commands = {c};
    auto a = wait_for<action::Action>([&](auto d) { live_->submit(by_, r, d); });
    EXPECT_TRUE(a.ok()) << (a ? "" : a.error().message);
    on_loop([] {});
    return a ? *a : action::Action();
  }
  action::Action get(const ActionId& id) {
    return *wait_for<action::Action>([&](auto d) { live_->get(by_, id, d); });
  }

  Machine machine(const MachineId& id) {
    return *wait_for<Machine>([&](auto d) { stores_.machines().find(id, d); });
  }
  static std::ptrdiff_t orders(const FakeWebSocket& socket) {
    return std::count_if(socket.sent.begin(), socket.sent.end(),
                         [](const pb::ToAgent& m) { return m.has_execute_order(); });
  }
  static pb::ToServer received(const action::Action& a) {
    pb::ToServer m;
    m.mutable_order_received()->set_action(std::string(a.id.bytes()));
    m.mutable_order_received()->set_epoch(1);
    return m;
  }
  static pb::ToServer beat(std::uint64_t seq) {
    pb::ToServer m;
    m.mutable_heartbeat()->set_seq(seq);
    return m;
  }
  static pb::ToServer refused(const action::Action& a, std::uint64_t epoch,
                              const std::string& order, const std::string& reason) {
    pb::ToServer m;
    m.mutable_order_refused()->set_action(std::string(a.id.bytes()));
    m.mutable_order_refused()->set_epoch(epoch);
    m.mutable_order_refused()->set_reason(reason);
    m.mutable_order_refused()->set_order_sha256(std::string(as_bytes(crypto::sha256(order))));
    m.mutable_order_refused()->set_never_runs(true);
    return m;
  }
  std::map<std::string, std::string> contacts_;
  std::string life_ = std::string(16, 'l');
  std::uint64_t attempts_ = 0;
  bool keeps_contact_ = true;
  char nonce_ = 'n';  // of the next session's name
  std::function<void()> settle_ = [] {};
  net::LoopPool loops_{1};
  TenantId tenant_ = *TenantId::from_bytes(std::string(16, 't'));
  Principal by_;
  testing::FakeClock clock_;
  crypto::SystemRandom random_;
  testing::FakeStores stores_;
  testing::FakeBlobStore blobs_;
  testing::FakeNotifier notify_;
  testing::FakeSigner signer_;
  testing::FakeAudit audit_;
  testing::FakeScheduler scheduler_;
  AgentHub hub_;
  crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate();
  std::unique_ptr<LiveResponse> live_;
  std::unique_ptr<Machines> machines_;
  std::unique_ptr<AgentApi> api_;
};

// ---- enrolment (§5.8)

TEST_F(LinkTest, enrolment_makes_the_machine_whose_id_follows_from_its_key) {
  net::Response r = enroll(enrollment("token", key_));
  ASSERT_EQ(r.status, 200) << r.body;
  auto body = json::parse(r.body);
  EXPECT_EQ(body->as_object().at("machineId").as_string(),
            to_hex(as_bytes(crypto::sha256(key_.public_key().spki()))).substr(0, 40));
  EXPECT_EQ(body->as_object().at("orderKeys").as_array().size(), 1u);
}

TEST_F(LinkTest, enrolment_5_8_1_to_3_blank_unknown_expired_and_used_up_tokens_get_one_answer) {
  add_token("short", std::chrono::seconds(1), 1);
  add_token("once", std::chrono::hours(1), 1);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(enroll(enrollment("once", crypto::Ed25519PrivateKey::generate())).status, 200);
  std::string first;
  for (const char* token : {"", " \t", "unknown", "short", "once"}) {
    clock_.advance(std::chrono::minutes(2));  // Of failures, three in a minute are enough here.
    net::Response r = enroll(enrollment(token, crypto::Ed25519PrivateKey::generate()));
    EXPECT_EQ(r.status, 401) << token;
    std::string said = r.body.substr(0, r.body.find("target"));
    EXPECT_TRUE(first.empty() || said == first);
    first = said;
  }
  json::Object none = enrollment("", key_);
  none.erase("token");
  EXPECT_EQ(enroll(none).status, 401);
}

TEST_F(LinkTest, enrolment_5_8_4_guesses_are_counted_by_address) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(enroll(enrollment(i == 0 ? "" : "guess", key_)).status, 401);
  }
  EXPECT_EQ(enroll(enrollment("guess", key_)).status, 429);
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 429);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
}

TEST_F(LinkTest, enrolment_5_8_7_keys_of_other_kinds_are_refused) {
  // Good SubjectPublicKeyInfos, made with `openssl genpkey | openssl pkey -pubout -outform DER`.
  const std::pair<const char*, const char*> keys[] = {
      {"RSA-1024",
       "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC63w/"
       "YJW7UpGzt+1b72U9MCIREHokl9jvnvSMiih6Z3XUzwZWbn1U8"
       "sYFQZIEvCR8WvO9ubRKB/"
       "VUftzT8vKlGoNXZo4bcNEutHED+wYGBfGNco6yDYIpZSWipCGhLCfueEjhNpFyJFOK27w5y"
       "TpVIIBonxV45r4tpgOXlPAtbVwIDAQAB"},
      {"P-192",
       "MEkwEwYHKoZIzj0CAQYIKoZIzj0DAQEDMgAE8LbhS7Xp3bVmv6BYC5jsxzhvXAoZjtm6W2Y6vm5+"
       "EKnWufjAXjPpaKeb"
       "dZi4r7lM"},
      {"P-256",
       "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpP4W+sCSMy/DaQB4WY8e47nWIkIn0/"
       "XfphpFYWEd6dGxHWUNzkTUnnNM"
       "XtDz831melXrhIbPuYRIcdg2izokKA=="}};
  for (const auto& [name, spki] : keys) {
    json::Object body = enrollment("token", key_);
    body["publicKey"] = spki;
    EXPECT_EQ(enroll(body).status, 400) << name;
  }
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);  // none of them spent the token
}

// A lost reply and a captured request look the same, and give nothing but the answer that the
// machine had: the key stays on it, and the answer holds no secret. docs/compatibility.md says so.
TEST_F(LinkTest, enrolment_5_8_20_the_same_request_again_is_the_same_machine_and_spends_nothing) {
  add_token("once", std::chrono::hours(1), 1);
  const json::Object request = enrollment("once", key_);
  net::Response first = enroll(request);
  ASSERT_EQ(first.status, 200);
  net::Response replay = enroll(request);
  EXPECT_EQ(replay.status, 200);
  EXPECT_EQ(replay.body, first.body);
  EXPECT_EQ(enroll(enrollment("once", crypto::Ed25519PrivateKey::generate())).status, 401);
}

TEST_F(LinkTest, enrolment_5_8_5_to_7_a_key_that_is_not_proven_or_not_ed25519_is_refused) {
  json::Object wrong = enrollment("token", key_);
  wrong["signature"] = to_base64(key_.sign("something else"));
  EXPECT_EQ(enroll(wrong).status, 400);
  json::Object trailing = enrollment("token", key_);
  trailing["publicKey"] = to_base64(key_.public_key().spki() + "x");
  EXPECT_EQ(enroll(trailing).status, 400);
  json::Object junk = enrollment("token", key_);
  junk["publicKey"] = "not base64!";
  EXPECT_EQ(enroll(junk).status, 400);
}

TEST_F(LinkTest, enrolment_5_8_9_the_same_key_again_is_the_same_machine) {
  net::Response first = enroll(enrollment("token", key_));
  net::Response second = enroll(enrollment("token", key_));
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(json::parse(first.body)->at("machineId"), json::parse(second.body)->at("machineId"));
  EXPECT_EQ(enroll(enrollment("token", crypto::Ed25519PrivateKey::generate())).status,
            200);  // one use was left
}

TEST_F(LinkTest, enrolment_5_8_11_a_host_name_is_bounded_and_has_no_NUL) {
  EXPECT_EQ(enroll(enrollment("token", key_, std::string(254, 'a'))).status, 400);
  EXPECT_EQ(enroll(enrollment("token", key_, std::string("a\0b", 3))).status, 400);
  EXPECT_EQ(enroll(enrollment("token", key_, "<script>\x1b[31m")).status, 200);
}

TEST_F(LinkTest, enrolment_5_8_14_a_large_body_is_413_and_other_paths_are_404) {
  EXPECT_EQ(post("/agent/v1/enroll", std::string((64 << 10) + 1, ' ')).status, 413);
  EXPECT_EQ(post("/agent/v1/enroll", "", "GET").status, 405);
  EXPECT_EQ(post("/api/machines", "").status, 404);
  EXPECT_EQ(post("/agent/v1/enroll", "{").status, 400);
  EXPECT_EQ(post("/agent/v1/session", "", "GET").status, 426);
}

TEST_F(LinkTest, transport_5_0_15_other_methods_are_405_with_Allow_on_every_path) {
  for (const auto& [path, allowed] : std::vector<std::pair<std::string, std::string>>{
           {"/agent/v1/enroll", "POST"}, {"/agent/v1/session", "GET"}}) {
    for (const char* method : {"TRACE", "CONNECT", "FOO", "PUT", "DELETE"}) {
      net::Response r = post(path, "", method);
      EXPECT_EQ(r.status, 405) << path << " " << method;
      EXPECT_EQ(r.headers.get("Allow"), allowed);
    }
  }
  net::Response proxy = post("host.example:443", "", "CONNECT");
  EXPECT_EQ(proxy.status, 405);
  EXPECT_EQ(proxy.headers.get("Allow"), "GET, POST, PUT");
}

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
  EXPECT_TRUE(hub_.claim(id).has_value());
  clock_.advance(std::chrono::seconds(5));
  EXPECT_FALSE(hub_.claim(id).has_value());
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

TEST_F(LinkTest, nobody_is_enrolled_before_the_signer_has_been_reached) {
  signer_.keys_version = 0;
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 503);
  signer_.keys_version = 1;
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
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

// ---- addresses

TEST_F(LinkTest, T02_a_spelling_of_an_agents_address_that_is_not_its_own_is_nowhere) {
  testing::SeededRandom random(2);
  const std::string_view kBits[] = {"/", "//",  "/.",  "/..",    ";a", "%2f", "%2e", "%00",
                                    "%", "%zz", "%25", "%c0%af", "\\", "+",   "A"};
  for (const RouteRow& row : AgentApi::route_rows()) {
    for (int i = 0; i < 1000; ++i) {
      std::string path = row.path;
      for (std::uint64_t n = 1 + random.below(2); n > 0; --n) {
        path.insert(1 + random.below(path.size()), kBits[random.below(std::size(kBits))]);
      }
      net::Request request;
      request.method = row.method;
      request.target = path;
      auto exchange = std::make_shared<testing::FakeExchange>(std::move(request), "{}");
      api_->handle(exchange);
      auto response = exchange->wait();
      ASSERT_TRUE(response.has_value()) << path;
      EXPECT_EQ(response->status, 404) << path;
    }
  }
}

}  // namespace
}  // namespace reachback::server
