// The Processes port on Linux.
#pragma once

#include <memory>

#include "agent/os_linux/cgroup.h"
#include "agent/ports/events.h"
#include "agent/ports/network_process.h"
#include "agent/ports/process.h"

namespace reachback::agent {

// How long output is still read after the main process has ended while others hold the pipes.
// Source: decisions.md 3.
inline constexpr Duration kDrain = std::chrono::milliseconds(200);

struct ProcessesOptions {
  // Name of the cgroup to run in, below the agent's own; empty: processes are found by /proc alone.
  std::string cgroup_leaf;
  CgroupParent cgroup;  // from prepare_cgroup()
  ProcessLimits limits;
  std::shared_ptr<Bystander> bystander;  // null: none
};
// Makes the calling process a subreaper.
std::unique_ptr<Processes> make_linux_processes(Events& events, ProcessesOptions options);

}  // namespace reachback::agent
