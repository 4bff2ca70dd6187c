// The loop of the agent's one thread, as the parts that must not know the network library see it.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"

namespace reachback::agent {

// Every call and callback on the loop's thread.
class Events {
 public:
  // Stops what it stands for when destroyed; may be destroyed inside its own callback.
  class Handle {
   public:
    virtual ~Handle() = default;
  };

  virtual ~Events() = default;
  // Once, after `delay`.
  [[nodiscard]] virtual std::unique_ptr<Handle> after(Duration delay,
                                                      std::function<void()> work) = 0;
  // Each time fd is readable, until the handle is destroyed. fd stays the caller's and must outlive
  // the handle.
  [[nodiscard]] virtual std::unique_ptr<Handle> watch_readable(int fd,
                                                               std::function<void()> ready) = 0;
  // Soon, not inside this call.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace reachback::agent
