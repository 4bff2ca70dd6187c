// The Processes port on Linux.
#pragma once

#include <memory>

#include "agent/ports/events.h"
#include "agent/ports/process.h"

namespace reachback::agent {

// How long output is still read after the main process has ended while others hold the pipes.
// Source: decisions.md 3.
inline constexpr Duration kDrain = std::chrono::milliseconds(200);

// cgroup_leaf: name of the cgroup to run in, below the agent's own; empty: processes are found by
// /proc alone. Makes the calling process a subreaper.
std::unique_ptr<Processes> make_linux_processes(Events& events, std::string cgroup_leaf);

}  // namespace reachback::agent
