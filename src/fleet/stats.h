// What a fleet has done so far, counted on its loops and read beside them. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace reachback::fleet {

// Sixteen buckets for each doubling, from a microsecond to an hour: what is read from it is at most
// a sixteenth too large.
class Latencies {
 public:
  static constexpr std::size_t kBuckets = 16 * 33;
  using Counts = std::array<std::uint64_t, kBuckets>;

  void add(Duration took);
  Counts counts() const;

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
};

// Of the values that `now` has and `before` has not. share: 0.99 for p99. None: 0.
Duration percentile(const Latencies::Counts& now, const Latencies::Counts& before, double share);

struct Stats {
  using Counter = std::atomic<std::uint64_t>;
  std::atomic<std::int64_t> connected{0};  // at this moment
  std::atomic<std::int64_t> running{0};    // orders that have no end yet
  Counter dismissed{0};    // agents whom the server wants no more: not enrolled there
  Counter reconnects{0};   // welcomes after an agent's first
  Counter orders{0};       // each once, however often it was sent
  Counter finished{0};     // the server has acknowledged the last report
  Counter cancelled{0};    // the agent has confirmed
  Counter refused{0};      // by the agent: not signed, not for it, too old …
  Counter forgotten{0};    // the server did not want the end any more
  Counter not_started{0};  // came too late; the server grants it anew
  Counter lies{0};
  Counter lies_refused{0};
  Counter lies_unanswered{0};  // those that a server refuses without a word to the agent
  Counter lies_believed{0};
  Latencies order_to_end;  // from an order's coming to the acknowledgement of its last report
};

// What a line says of the time since the one before it.
struct Moment {
  double second = 0;
  std::uint64_t finished = 0;
  Latencies::Counts latencies{};
};

// One JSON object, without a line break. `before` becomes this moment. second: since the start.
std::string report_line(const Stats& stats, std::size_t agents, double second, Moment& before);

}  // namespace reachback::fleet
