#include "server/wire/adapters.h"

namespace reachback::server {

void LoopScheduler::after(Duration delay, std::function<void()> work) {
  loop_.post([this, delay, work = std::move(work)] {
    if (stopped_) {
      return;
    }
    auto place = timers_.emplace(timers_.end());
    *place = loop_.after(delay, [this, place, work] {
      // The timer is moved out first: work may schedule again.
      auto done = std::move(*place);
      timers_.erase(place);
      work();
    });
  });
}

void LoopScheduler::stop() {
  stopped_ = true;
  timers_.clear();
}

void LocalOrderSigner::sign(pb::Order order, std::uint64_t order_keys_version,
                            Done<pb::SignedOrder> done) {
  done(keys_.sign(order.SerializeAsString(), order_keys_version));
}

}  // namespace reachback::server
