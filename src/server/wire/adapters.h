// The small adapters that need no folder of their own: timers and the order-signing keys held
// in this process.
#pragma once

#include <list>
#include <memory>

#include "net/loop.h"
#include "server/ports/links.h"
#include "server/signer/order_keyring.h"

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
  explicit LocalOrderSigner(const OrderKeyring& keys) : keys_(keys) {}
  void sign(pb::Order order, std::uint64_t order_keys_version, Done<pb::SignedOrder> done) override;

 private:
  const OrderKeyring& keys_;
};

}  // namespace reachback::server
