// How long to wait before trying again: full jitter, doubling from one second to thirty.
// Source: decisions.md 7.
#pragma once

#include <algorithm>

#include "base/random.h"
#include "base/time.h"

namespace reachback::agent {

inline constexpr Duration kBackoffFirst = std::chrono::seconds(1);
inline constexpr Duration kBackoffMax = std::chrono::seconds(30);

class Backoff {
 public:
  explicit Backoff(Random& random) : random_(random) {}
  // at_least: what the other side asked for; the wait is spread over it, too.
  Duration next(Duration at_least = Duration(0)) {
    const Duration range = std::max(range_, at_least);
    range_ = std::min(range_ * 2, kBackoffMax);
    return Duration(
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(range.count()) + 1)));
  }
  void reset() { range_ = kBackoffFirst; }

 private:
  Random& random_;
  Duration range_ = kBackoffFirst;
};

}  // namespace reachback::agent
