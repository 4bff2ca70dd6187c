// Limits for the scripts' processes: by cgroup v2 where the agent's cgroup is its own and has the
// controllers, else by what a process can be limited in alone.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace reachback::agent {

// Of one script's tree. 0: not limited.
struct ProcessLimits {
  std::uint64_t memory_bytes_max = 0;
  std::uint64_t processes_max = 0;
  std::uint64_t cpu_weight = 0;   // 1 to 10,000; the kernel's default is 100
  bool memory_by_cgroup = false;  // else memory_bytes_max is each process's limit of data
};

// Where the scripts' cgroups are made, and which controllers they have.
struct CgroupParent {
  std::string folder;  // empty: there is none, trees are found by /proc
  bool memory = false;
  bool pids = false;
  bool cpu = false;
  std::string why_not;  // what keeps the missing controllers away
};

// The agent's own cgroup v2 folder; empty: none is mounted.
std::string own_cgroup_folder();
// Once, at the start. A cgroup that holds processes cannot hand controllers to those below it: so
// where the agent is alone in `folder` (systemd: Delegate=yes), it moves into `folder`/agent first.
// Where it is not alone, nothing is changed and trees are ended by cgroup, but not limited.
CgroupParent prepare_cgroup(const std::string& folder);
// Writes memory.max, pids.max and cpu.weight into a cgroup, as far as it has these files.
void set_limits(const std::string& cgroup, const ProcessLimits& limits);

// "cgroup v2: memory, pids, cpu", "cgroup v2: no limits (…)", "process by process (…)": for status
// and log.
std::string describe(const CgroupParent& parent);

}  // namespace reachback::agent
