// For the tests of this folder: an agent's surface on fakes, and an agent that is played by hand.
#pragma once

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
#include "server/link/agent_session.h"
#include "server/link/reports.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_exchange.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {

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
  void trust() override { is_trusted = true; }
  void receive(const std::string& frame) {
    if (on_message_) {
      auto on_message = on_message_;
      on_message(frame);
    }
  }

  std::vector<pb::ToAgent> sent;
  std::uint16_t closed = 0;
  bool is_trusted = false;
  // A test looks at it while the session's timer goes on reading.
  std::atomic<int> pauses{0};

 private:
  net::Loop& loop_;
  std::function<void(std::string_view)> on_message_;
  std::function<void(std::string_view)> on_close_;
};

inline constexpr char kNonce[] = "0123456789abcdef0123456789abcdef";

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
    machines_ = Machines::create(stores_.machines(), hub_, clock_, groups_);
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
  DeviceGroups groups_;
  crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate();
  std::unique_ptr<LiveResponse> live_;
  std::unique_ptr<Machines> machines_;
  std::unique_ptr<AgentApi> api_;
};

}  // namespace reachback::server
