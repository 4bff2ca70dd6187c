#include "node.h"

#include "protocol/signing.h"

namespace reachback::sim {
namespace {
constexpr Duration kReapEvery = std::chrono::seconds(2);
}

// Hints are lost now and then.
class Node::Hints : public server::LocalNotifier {
 public:
  explicit Hints(Shared& shared) : shared_(shared) {}
  void machine_hint(const TenantId& tenant, const MachineId& machine) override {
    if (!shared_.engine.chance(shared_.lose_hints)) {
      LocalNotifier::machine_hint(tenant, machine);
    }
  }

 private:
  Shared& shared_;
};

class Node::Timers : public server::Scheduler {
 public:
  explicit Timers(SimExecutor& executor) : executor_(executor) {}
  void after(Duration delay, std::function<void()> work) override {
    const std::uint64_t number = next_++;
    timers_[number] = executor_.after(delay, [this, number, work = std::move(work)] {
      timers_.erase(number);
      work();
    });
  }

 private:
  SimExecutor& executor_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::unique_ptr<net::Timer>> timers_;
};

// A process of its own: it takes time, and may be away.
class Node::Signer : public server::OrderSigner, public server::OrderKeys {
 public:
  Signer(Shared& shared, LifePtr life) : shared_(shared), life_(std::move(life)) {}
  void sign(pb::Order order, std::uint64_t, Done<pb::SignedOrder> done) override {
    Engine& engine = shared_.engine;
    const bool fails = engine.chance(shared_.signer_fails);
    engine.after(engine.between(Duration(50), Duration(2000)), life_,
                 [this_shared = &shared_, order = std::move(order), done = std::move(done), fails] {
                   if (fails) {
                     done(Error{Errc::unavailable, "the signer is not there (simulated)"});
                     return;
                   }
                   done(protocol::sign_order(order, this_shared->order_key));
                 });
  }
  std::uint64_t version() const override { return 1; }
  std::vector<std::string> public_keys() const override {
    return {shared_.order_key.public_key().spki()};
  }
  pb::SignedOrderKeys announcement() const override { return {}; }

 private:
  Shared& shared_;
  const LifePtr life_;
};

class Node::Audit : public server::AuditLog {
 public:
  Audit(Shared& shared, LifePtr life) : shared_(shared), life_(std::move(life)) {}
  void append(server::AccessRecord record, Done<void> done) override {
    Engine& engine = shared_.engine;
    const bool fails = engine.chance(shared_.audit_fails);
    engine.after(
        engine.between(Duration(50), Duration(2000)), life_,
        [this_shared = &shared_, record = std::move(record), done = std::move(done), fails] {
          if (fails) {
            done(Error{Errc::io, "the audit file is broken (simulated)"});
            return;
          }
          this_shared->audited.insert(record.object);
          done({});
        });
  }

 private:
  Shared& shared_;
  const LifePtr life_;
};

struct Node::Running {
  Running(Shared& shared, const std::string& name, const SimClock& clock)
      : life(std::make_shared<Life>(Life{name, true, {}})),
        executor(std::make_shared<SimExecutor>(shared.engine, life, clock)),
        road(shared.engine, life, shared.store_faults),
        actions(road, shared.stores.actions()),
        machines(road, shared.stores.machines()),
        blobs(road, shared.blobs),
        hints(shared),
        timers(*executor),
        signer(shared, life),
        audit(shared, life),
        random(shared.engine.fork_seed()) {}

  LifePtr life;
  std::shared_ptr<SimExecutor> executor;
  StoreRoad road;
  NodeActions actions;
  NodeMachines machines;
  NodeBlobs blobs;
  Hints hints;
  Timers timers;
  Signer signer;
  Audit audit;
  testing::SeededRandom random;
  server::AgentHub hub;
  std::unique_ptr<server::LiveResponse> live;

  void reap() {
    live->reap([](Result<std::size_t>) {});
    timers.after(kReapEvery, [this] { reap(); });
  }
};

Node::~Node() {
  kill();
}

void Node::stop_for(Duration d) {
  if (running_) {
    running_->life->stop_until(shared_.engine.now() + d);
  }
}

const LifePtr& Node::life() const {
  return running_->life;
}

void Node::end_session(const MachineId& machine) {
  running_->hub.end_one(machine, "an operator has cleared this machine");
}

server::LiveResponse& Node::live_response() {
  return *running_->live;
}

std::shared_ptr<SimExecutor> Node::executor() {
  return running_ ? running_->executor : nullptr;
}

void Node::start() {
  running_ = std::make_shared<Running>(shared_, name_, clock_);
  Running& r = *running_;
  r.live = server::LiveResponse::create(
      server::LiveResponseDeps{r.actions, r.machines, shared_.stores.library(), r.blobs, r.hints,
                               r.hub, r.signer, r.audit, r.timers, clock_, r.random},
      shared_.limits, std::string(32, 'k'));
  shared_.engine.after(Duration(0), r.life, [this] { running_->reap(); });
}

void Node::kill() {
  if (!running_) {
    return;
  }
  running_->life->alive = false;
  shared_.network.drop(running_->life, /*power_lost=*/false);
  dead_.push_back(std::move(running_));
  running_ = nullptr;
}

void Node::accept(std::shared_ptr<net::WebSocket> socket, std::string nonce) {
  Running& r = *running_;
  std::make_shared<server::AgentSession>(
      server::SessionDeps{r.hub, r.machines, *r.live, clock_, r.random, r.audit, r.signer},
      shared_.session_limits, std::move(socket), std::move(nonce))
      ->start();
}

}  // namespace reachback::sim
