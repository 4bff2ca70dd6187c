// One thread's queue of work, with timers: all that most code needs of a loop, so that the same
// code also runs on a simulated clock.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"

namespace reachback::net {

// Cancels its timer when destroyed or reset. Loop thread only.
class Timer {
 public:
  virtual ~Timer() = default;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` on the loop thread, after the current callback. Any thread; in the order of the
  // calls of one thread.
  virtual void post(std::function<void()> work) = 0;
  virtual bool on_thread() const = 0;
  // Once, after `delay`, on the loop thread. Loop thread only (or before it runs).
  [[nodiscard]] virtual std::unique_ptr<Timer> after(Duration delay,
                                                     std::function<void()> work) = 0;
};

}  // namespace reachback::net
