#include "server/wire/adapters.h"

#include "protocol/signing.h"

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

Result<pb::SignedOrder> LocalOrderSigner::sign(const pb::Order& order) {
  return protocol::sign_order(order, key_);
}

}  // namespace reachback::server
