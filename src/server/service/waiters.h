// Who waits for something to happen to an action. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"

namespace reachback::server {

class Waiters {
 public:
  using Ticket = std::uint64_t;
  // `wake` is called at most once: by wake_all() for this action, or by expire().
  Ticket add(const ActionId& action, std::function<void()> wake);
  // Takes the waiter out and wakes it, if it still waits.
  void expire(const ActionId& action, Ticket ticket);
  void wake_all(const ActionId& action);
  void wake_everyone();

 private:
  struct Waiter {
    Ticket ticket;
    std::function<void()> wake;
  };
  mutable Mutex mutex_;
  std::map<ActionId, std::vector<Waiter>> waiting_ RB_GUARDED_BY(mutex_);
  Ticket next_ RB_GUARDED_BY(mutex_) = 1;
};

}  // namespace reachback::server
