// The small adapters that need no folder of their own: timers and the order-signing key held in
// this process.
#pragma once

#include <list>
#include <memory>

#include "crypto/ed25519.h"
#include "net/loop.h"
#include "server/ports/links.h"

namespace reachback::server {

// One-shot timers on one loop.
class LoopScheduler : public Scheduler {
 public:
  explicit LoopScheduler(net::Loop& loop) : loop_(loop) {}
  void after(Duration delay, std::function<void()> work) override;
  // Drops what waits; after() does nothing from then on. Loop thread; before the loop goes.
  void stop();

 private:
  net::Loop& loop_;
  bool stopped_ = false;                           // loop thread only
  std::list<std::unique_ptr<net::Timer>> timers_;  // loop thread only
};

class LocalOrderSigner : public OrderSigner {
 public:
  explicit LocalOrderSigner(crypto::Ed25519PrivateKey key) : key_(std::move(key)) {}
  Result<pb::SignedOrder> sign(const pb::Order& order) override;

 private:
  crypto::Ed25519PrivateKey key_;
};

}  // namespace reachback::server
