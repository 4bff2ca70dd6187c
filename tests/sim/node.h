// A server node of the simulated world: the production service, hub and sessions over the shared
// stores. It is started and killed any number of times; what it held in memory is gone then.
#pragma once

#include <functional>
#include <set>

#include "crypto/ed25519.h"
#include "network.h"
#include "node_stores.h"
#include "server/link/agent_session.h"
#include "server/notify_local/notify_local.h"
#include "server/service/live_response.h"

namespace reachback::sim {

// What all nodes share.
struct Shared {
  Engine& engine;
  Network& network;
  testing::FakeStores& stores;
  testing::FakeBlobStore& blobs;
  StoreFaults store_faults;
  crypto::Ed25519PrivateKey order_key;
  server::LiveResponseLimits limits;
  server::SessionLimits session_limits;
  double lose_hints = 0;
  double audit_fails = 0;
  double signer_fails = 0;
  // object of every durable access record
  std::set<std::string> audited;
};

class Node : public Acceptor {
 public:
  Node(Shared& shared, std::string name, ClockFault clock)
      : shared_(shared), name_(std::move(name)), clock_(shared.engine, clock) {}
  ~Node() override;

  void start();
  // From here on nothing of it runs; its objects go at the next bury().
  void kill();
  void bury() { dead_.clear(); }
  bool is_up() const { return running_ != nullptr; }
  void stop_for(Duration d);
  const LifePtr& life() const;
  // An operator has cleared it.
  void end_session(const MachineId& machine);
  server::LiveResponse& live_response();
  const std::string& name() const { return name_; }
  SimClock& clock() { return clock_; }

  std::shared_ptr<SimExecutor> executor() override;
  Timestamp wall() const override { return clock_.now(); }
  void accept(std::shared_ptr<net::WebSocket> socket, std::string nonce) override;

 private:
  class Hints;
  class Timers;
  class Signer;
  class Audit;
  struct Running;

  Shared& shared_;
  const std::string name_;
  SimClock clock_;
  std::shared_ptr<Running> running_;
  std::vector<std::shared_ptr<Running>> dead_;
};

}  // namespace reachback::sim
