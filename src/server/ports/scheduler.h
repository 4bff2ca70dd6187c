// Timers of the services.
#pragma once

#include <functional>

#include "base/time.h"

namespace reachback::server {

// Work that happens later: a few one-shot timers of the services. Any thread; `work` on any thread.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual void after(Duration delay, std::function<void()> work) = 0;
};

}  // namespace reachback::server
