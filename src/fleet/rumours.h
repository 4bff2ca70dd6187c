// What one simulated agent can know of another's orders: the material of lies. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/random.h"

namespace reachback::fleet {

struct Rumour {
  MachineId machine;
  std::string action;  // 16 bytes
  std::uint64_t epoch = 0;
};

class Rumours {
 public:
  void spread(Rumour rumour);
  // One of the newest about another machine than this, if it finds one.
  std::optional<Rumour> about_others(const MachineId& machine, Random& random) const;

 private:
  static constexpr std::size_t kKept = 64;
  mutable Mutex mutex_;
  std::array<Rumour, kKept> newest_ RB_GUARDED_BY(mutex_);
  std::size_t heard_ RB_GUARDED_BY(mutex_) = 0;
};

}  // namespace reachback::fleet
