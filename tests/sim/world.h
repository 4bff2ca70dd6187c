// One simulated world: server nodes, machines, responders and a nemesis, all drawn from one seed;
// its history is checked as it is made.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "history.h"

namespace reachback::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  bool trace = false;  // every event, a line each, on standard output
  // Agents' clocks run wrong by up to this. The promise: 1 % is harmless.
  std::int64_t rate_ppm_max = 8'000;
  // A quarantine without a cause is no violation: with a shortcut that damages journals.
  bool excuse_quarantines = false;
};

struct WorldOutcome {
  std::vector<Violation> violations;
  std::uint64_t digest = 0;  // of the whole history: the same for the same seed
  std::uint64_t events = 0;  // of the engine
  std::uint64_t actions = 0;
  std::uint64_t starts = 0;
  std::uint64_t quarantines = 0;
  std::map<std::string, std::uint64_t> faults;   // by kind
  std::map<std::string, std::uint64_t> checked;  // invariant -> looked at how often
  std::map<std::string, std::uint64_t> ends;     // final status -> actions
};

WorldOutcome run_world(const WorldOptions& options);

// The shortcuts of trust.md §3.6 that a simulated world can be built with.
const std::vector<std::string>& variants();

}  // namespace reachback::sim
