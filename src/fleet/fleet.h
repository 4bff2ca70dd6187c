// The fleet: its agents on their loops, a line about them every second, and a clean end.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "fleet/behaviour.h"

namespace reachback::fleet {

struct FleetOptions {
  std::string state_folder;
  // Of the first run; empty: as the state folder has them.
  std::string server;
  std::string ca_file;
  std::string token;
  std::size_t agents = 0;
  Mix mix = kAllInstant;
  Pace pace;
  std::size_t threads = 1;
  std::size_t connecting = 64;  // at once, at the start and, at most 32, to enrol
  std::size_t sources = 0;      // addresses that agents come from; 0: one for each
  Duration run_for{};           // 0: until SIGTERM or SIGINT
  bool enroll_only = false;
};

enum class FleetEnd {
  clean,
  lie_believed,  // the server took a lie for the truth
};

// Runs it to its end, from the process's only thread. out: gets the lines, JSON objects.
// Errors: in words for a person: too_large (the limit of descriptors), those of FleetState::open()
// and enroll_missing().
Result<FleetEnd> run_fleet(const FleetOptions& options, std::FILE* out);

}  // namespace reachback::fleet
