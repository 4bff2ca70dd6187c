// For tests: a supervisor on a real journal and spool, with processes, clock and events that the
// test moves, and the server's side of the seam.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <map>

#include "agent/os_linux/test_support.h"
#include "agent/supervisor/agent_supervisor.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::agent {

class FakeClock : public Clock {
 public:
  Timestamp now() const override { return now_; }
  Duration since_boot() const override { return since_boot_; }
  Timestamp now_ = from_micros(1700000000000000);
  Duration since_boot_ = std::chrono::hours(1);
  void pass(Duration d) {
    now_ += d;
    since_boot_ += d;
  }
};

// Timers fire when the test says so; posted work runs with run_posted().
class FakeEvents : public Events {
 public:
  std::unique_ptr<Handle> after(Duration, std::function<void()> work) override {
    auto handle = std::make_unique<FakeHandle>(*this);
    timers_[handle.get()] = std::move(work);
    return handle;
  }
  std::unique_ptr<Handle> watch_readable(int, std::function<void()>) override {
    return std::make_unique<FakeHandle>(*this);
  }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  void run_posted() {
    while (!posted_.empty()) {
      auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }
  void fire_timers() {
    std::vector<Handle*> due;
    for (const auto& [handle, work] : timers_) {
      due.push_back(handle);
    }
    for (Handle* handle : due) {
      if (auto timer = timers_.extract(handle)) {  // else stopped by one before it
        timer.mapped()();
      }
    }
  }
  std::size_t timers() const { return timers_.size(); }

 private:
  struct FakeHandle : Handle {
    explicit FakeHandle(FakeEvents& o) : owner(o) {}
    ~FakeHandle() override { owner.timers_.erase(this); }
    FakeEvents& owner;
  };
  std::map<Handle*, std::function<void()>> timers_;
  std::deque<std::function<void()>> posted_;
};

class FakeProcesses : public Processes {
 public:
  Result<void> start(const ProcessSpec& spec, std::function<void(ProcessEnd)> ended) override {
    EXPECT_FALSE(running()) << "a second process beside the first";
    if (refuse_start) {
      return Error{Errc::not_found, "run /bin/x: no such file"};
    }
    specs.push_back(spec);
    starts.push_back(spec.environment[3] + " " + spec.environment[4]);
    ended_ = std::move(ended);
    if (on_start) {
      on_start();
    }
    return {};
  }
  std::size_t type(std::string_view bytes) override {
    const std::size_t size = std::min(bytes.size(), takes);
    typed += bytes.substr(0, size);
    return size;
  }
  void resize(TerminalWindow window) override { windows.push_back(window); }
  std::string typed;
  std::size_t takes = SIZE_MAX;  // of what is typed at once
  std::vector<TerminalWindow> windows;
  void kill() override { was_killed = was_killed || running(); }
  std::size_t kill_leftovers(const std::string& action) override {
    leftovers.push_back(action);
    return 0;
  }
  bool running() const { return ended_ != nullptr; }
  // The process writes this and goes on.
  void write(const std::string& out, const std::string& err = "") {
    EXPECT_TRUE(write_all(specs.back().stdout_file, out).ok());
    EXPECT_TRUE(write_all(specs.back().stderr_file, err).ok());
    specs.back().grown();
  }
  // The process writes this and ends.
  void end(int exit_code, const std::string& out = "", const std::string& err = "") {
    ProcessEnd e;
    e.exit_code = was_killed ? 137 : exit_code;
    e.killed = std::exchange(was_killed, false);
    EXPECT_TRUE(write_all(specs.back().stdout_file, out).ok());
    EXPECT_TRUE(write_all(specs.back().stderr_file, err).ok());
    e.out.seen = e.out.stored = out.size();
    e.err.seen = e.err.stored = err.size();
    e.out.seen += dropped;
    std::exchange(ended_, nullptr)(e);
  }

  std::vector<ProcessSpec> specs;
  std::vector<std::string> starts;  // action and index of each start, ever
  std::vector<std::string> leftovers;
  std::function<void()> on_start;
  bool refuse_start = false;
  bool was_killed = false;
  std::uint64_t dropped = 0;
  void forget() { ended_ = nullptr; }  // the agent died with it

 private:
  std::function<void(ProcessEnd)> ended_;
};

// Counts and fails syncs.
class CountingLayer : public FileLayer {
 public:
  explicit CountingLayer(std::string folder) : inner_(make_file_layer(std::move(folder))) {}
  Result<std::unique_ptr<LayerFile>> open(const std::string& name) override {
    return wrap(inner_->open(name));
  }
  Result<std::unique_ptr<LayerFile>> create(const std::string& name) override {
    return wrap(inner_->create(name));
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return inner_->rename(from, to);
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    return inner_->link(from, to);
  }
  Result<void> sync_names() override { return inner_->sync_names(); }
  int syncs = 0;
  bool fail_sync = false;
  std::function<void()> on_sync;

 private:
  struct File : LayerFile {
    File(CountingLayer& o, std::unique_ptr<LayerFile> f) : owner(o), inner(std::move(f)) {}
    Result<std::string> read_all() override { return inner->read_all(); }
    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      return inner->write_at(offset, bytes);
    }
    Result<void> sync() override {
      ++owner.syncs;
      if (owner.on_sync) {
        owner.on_sync();
      }
      return owner.fail_sync ? Result<void>(Error{Errc::io, "fdatasync: Input/output error"})
                             : inner->sync();
    }
    CountingLayer& owner;
    std::unique_ptr<LayerFile> inner;
  };
  Result<std::unique_ptr<LayerFile>> wrap(Result<std::unique_ptr<LayerFile>> file) {
    if (!file.ok()) {
      return file;
    }
    return std::unique_ptr<LayerFile>(std::make_unique<File>(*this, std::move(*file)));
  }
  std::unique_ptr<FileLayer> inner_;
};

class World : public testing::Test {
 protected:
  World() : layer_(folder_.path()) { start_agent(); }

  // A new life of the agent on the same disk.
  void start_agent() {
    supervisor_.reset();
    processes_.forget();
    processes_.was_killed = false;
    journal_ = std::move(*Journal::open(layer_, clock_, random_));
    spool_ = std::move(*make_folder_spool(folder_.path()));
    Identity identity;
    identity.tenant = *TenantId::from_bytes(std::string(16, 't'));
    identity.machine = machine_;
    identity.key = machine_key_;
    identity.order_keys = order_keys_;
    identity.order_keys_version = order_keys_version_;
    supervisor_ = std::make_unique<AgentSupervisor>(
        std::move(identity),
        SupervisorDeps{events_, processes_, *journal_, *spool_, clock_, random_, boot_,
                       [] { return pb::Hello::Body(); }, contact_,
                       [this](const std::string& c) -> Result<void> {
                         if (fail_save_) {
                           return Error{Errc::storage_full, "no space"};
                         }
                         contact_ = c;
                         return {};
                       },
                       [this](const Identity& i) -> Result<void> {
                         order_keys_ = i.order_keys;
                         order_keys_version_ = i.order_keys_version;
                         return {};
                       },
                       policy_});
    auto recovered = supervisor_->recover();
    EXPECT_TRUE(recovered.ok()) << recovered.error().message;
  }
  void reboot() {
    boot_ = BootId::make(random_);
    clock_.since_boot_ = std::chrono::seconds(10);
    clock_.now_ += std::chrono::minutes(1);
    start_agent();
  }
  void connect(std::optional<Timestamp> server_time = std::nullopt) {
    sent_.clear();
    auto hello = supervisor_->begin_session(
        Challenge{std::string(32, 'n'), std::string(32, 'e'), server_time}, [this](pb::ToServer m) {
          auto decoded = protocol::decode_to_server(protocol::encode(m));
          EXPECT_TRUE(decoded.ok()) << decoded.error().message;
          sent_.push_back(std::move(m));
        });
    auto body = protocol::verify_hello(hello, std::string(32, 'n'), std::string(32, 'e'));
    ASSERT_TRUE(body.ok());
    hello_ = *body;
    pb::ToAgent welcome;
    welcome.mutable_welcome()->set_machine(std::string(machine_.bytes()));
    welcome.mutable_welcome()->set_contact(random_.bytes(16));
    welcome.mutable_welcome()->set_heartbeat_ms(1000);
    deliver(welcome);
  }
  void deliver(const pb::ToAgent& m) {
    auto decoded = protocol::decode_to_agent(protocol::encode(m));
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    supervisor_->deliver(*decoded, {});
    events_.run_posted();
  }

  // ---- the server's side
  pb::Order order(std::vector<std::string> scripts = {"echo hi\n"}, std::uint64_t epoch = 1) {
    pb::Order o;
    o.set_tenant(std::string(16, 't'));
    o.set_machine(std::string(machine_.bytes()));
    o.set_action(action_);
    o.set_epoch(epoch);
    o.set_generation(hello_.generation());
    for (const auto& script : scripts) {
      auto* c = o.add_commands();
      c->set_type(pb::RUN_SCRIPT);
      c->set_file_name("a.sh");
      c->set_file_sha256(std::string(as_bytes(crypto::sha256(script))));
      c->set_file_bytes(script.size());
      c->set_timeout_ms(60000);
      c->set_output_bytes_max(1 << 20);
    }
    o.set_window_ms(600000);
    o.set_session(hello_.nonce());
    o.set_heartbeat(0);
    o.set_requestor("test");
    return o;
  }
  pb::ToAgent execute(const pb::Order& o, std::vector<std::string> scripts = {"echo hi\n"}) {
    pb::ToAgent m;
    *m.mutable_execute_order()->mutable_order() = protocol::sign_order(o, order_key_);
    for (const auto& script : scripts) {
      auto* f = m.mutable_execute_order()->add_files();
      f->set_inlined(true);
      f->set_content(script);
    }
    return m;
  }
  void send_order(std::vector<std::string> scripts = {"echo hi\n"}, std::uint64_t epoch = 1) {
    deliver(execute(order(scripts, epoch), scripts));
  }
  void send_cancel(std::uint64_t epoch = 1) {
    pb::ToAgent m;
    m.mutable_cancel_action()->set_action(action_);
    m.mutable_cancel_action()->set_epoch(epoch);
    deliver(m);
  }
  void acknowledge(std::uint32_t index, std::uint64_t epoch = 1) {
    pb::ToAgent m;
    m.mutable_report_acknowledged()->set_action(action_);
    m.mutable_report_acknowledged()->set_epoch(epoch);
    m.mutable_report_acknowledged()->set_index(index);
    deliver(m);
  }
  // Stores every upload that was asked for since the last call; the bytes by kind.
  std::map<int, std::string> upload_all() {
    std::map<int, std::string> out;
    for (const auto& m : std::vector(sent_)) {
      if (m.has_upload_request()) {
        auto file = supervisor_->open_spool(m.upload_request());
        if (!file.ok()) {
          continue;
        }
        std::string bytes(m.upload_request().bytes(), '\0');
        EXPECT_EQ(read_at(file->get(), bytes.data(), bytes.size(), 0).value(), bytes.size());
        EXPECT_EQ(as_bytes(crypto::sha256(bytes)), m.upload_request().sha256());
        out[m.upload_request().kind()] = bytes;
        supervisor_->uploaded(m.upload_request(), std::string(32, 'a'));
        events_.run_posted();
      }
    }
    return out;
  }

  // What was sent, as short words; then forgotten.
  std::vector<std::string> said() {
    std::vector<std::string> out;
    for (const auto& m : sent_) {
      switch (m.message_case()) {
        case pb::ToServer::kOrderReceived:
          out.push_back("received " + std::to_string(m.order_received().epoch()));
          break;
        case pb::ToServer::kOrderRefused:
          out.push_back("refused " +
                        m.order_refused().reason().substr(0, m.order_refused().reason().find(':')));
          break;
        case pb::ToServer::kNotStarted:
          out.push_back("not started " + std::to_string(m.not_started().epoch()));
          break;
        case pb::ToServer::kCancelConfirmed:
          out.push_back("cancelled " + std::to_string(m.cancel_confirmed().epoch()));
          break;
        case pb::ToServer::kCommandStarted:
          out.push_back("started " + std::to_string(m.command_started().index()));
          break;
        case pb::ToServer::kCommandEnded: {
          const auto& e = m.command_ended();
          std::string text =
              (e.outcome() == pb::COMPLETED ? "completed " : "failed ") + std::to_string(e.index());
          for (const auto& error : e.errors()) {
            text += " " + error.substr(0, error.find(':'));
          }
          out.push_back(text);
          last_ended_ = e;
          break;
        }
        case pb::ToServer::kContactKept:
          break;  // at every session
        case pb::ToServer::kOrderKeysKept:
          out.push_back("keys kept " + std::to_string(m.order_keys_kept().version()));
          break;
        case pb::ToServer::kUploadRequest:
          out.push_back("upload " + std::to_string(m.upload_request().index()) + " kind " +
                        std::to_string(m.upload_request().kind()));
          break;
        default:
          out.push_back("?");
      }
    }
    sent_.clear();
    return out;
  }
  using Said = std::vector<std::string>;
  const ActionRecord& record() {
    return journal_->state().actions.at(*ActionId::from_bytes(action_));
  }
  std::size_t spool_files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& e :
         std::filesystem::directory_iterator(folder_.file("spool"))) {
      ++count;
    }
    return count;
  }

  TestFolder folder_;
  FakeClock clock_;
  crypto::SystemRandom random_;
  FakeEvents events_;
  FakeProcesses processes_;
  CountingLayer layer_;
  crypto::Ed25519PrivateKey machine_key_ = crypto::Ed25519PrivateKey::generate();
  crypto::Ed25519PrivateKey order_key_ = crypto::Ed25519PrivateKey::generate();
  MachineId machine_ = protocol::machine_id_of(machine_key_.public_key().spki());
  BootId boot_ = *BootId::from_bytes(std::string(16, 'b'));
  std::string action_ = std::string(16, 'a');
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<AgentSupervisor> supervisor_;
  pb::Hello::Body hello_;
  std::string contact_;
  Policy policy_;
  bool fail_save_ = false;
  std::vector<crypto::Ed25519PublicKey> order_keys_ = {
      crypto::Ed25519PrivateKey::generate().public_key(), order_key_.public_key()};
  std::uint64_t order_keys_version_ = 1;
  std::vector<pb::ToServer> sent_;
  pb::CommandEnded last_ended_;
};

}  // namespace reachback::agent
