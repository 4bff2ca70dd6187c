// The descriptors of the process: a fleet's hard limit, because every connection is one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "base/result.h"

namespace reachback::fleet {

// Raises the process's soft limit to its hard one. The limit. Errors: io.
Result<std::uint64_t> raise_descriptor_limit();

// What the process itself holds, and what must be left for agents that work.
inline constexpr std::uint64_t kOwnDescriptors = 64;
inline constexpr std::uint64_t kDescriptorsForWork = 256;
// What one agent holds while an order is in its hands: script, streams, results, an upload.
inline constexpr std::size_t kDescriptorsOfOrder = 10;

// What `agents` connected ones leave of the limit. Errors: too_large, which names the limit and how
// many agents it allows.
Result<std::uint64_t> descriptors_left(std::uint64_t agents, std::uint64_t limit);

// What the agents of one loop may hold beside their connections. Loop thread only.
class DescriptorBudget {
 public:
  explicit DescriptorBudget(std::int64_t free) : free_(free) {}

  // Calls `begin` when kDescriptorsOfOrder are free: inside this call, or later, in the order of
  // the calls, from within give() or unuse(). owner: see forget().
  void take(const void* owner, std::function<void()> begin);
  void give();  // after `begin`: what it took
  // Nothing of this owner's that still waits begins.
  void forget(const void* owner);
  // A connection beside the session's: it is made whatever is free, and counts.
  void use() { --free_; }
  void unuse() {
    ++free_;
    begin_waiting();
  }
  std::int64_t free() const { return free_; }

 private:
  void begin_waiting();
  struct Waiting {
    const void* owner;
    std::function<void()> begin;
  };
  std::int64_t free_;
  std::deque<Waiting> waiting_;
};

}  // namespace reachback::fleet
