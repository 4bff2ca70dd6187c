#include "fleet/rumours.h"

#include <algorithm>

namespace reachback::fleet {

void Rumours::spread(Rumour rumour) {
  MutexLock lock(mutex_);
  newest_[heard_++ % kKept] = std::move(rumour);
}

std::optional<Rumour> Rumours::about_others(const MachineId& machine, Random& random) const {
  MutexLock lock(mutex_);
  const std::size_t there = std::min(heard_, kKept);
  const std::size_t first = there == 0 ? 0 : random.below(there);
  for (std::size_t i = 0; i < there; ++i) {
    const Rumour& one = newest_[(first + i) % there];
    if (one.machine != machine) {
      return one;
    }
  }
  return std::nullopt;
}

}  // namespace reachback::fleet
