// The processes that descend from the agent, and how to end all of them: by cgroup v2 where one can
// be made, else by walking /proc, which sees every descendant because the agent is their subreaper.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "agent/os_linux/cgroup.h"
#include "agent/ports/network_process.h"
#include "base/file.h"

namespace reachback::agent {

struct TreeOptions {
  std::string leaf;     // how the names of the cgroups begin that are made; empty: none
  CgroupParent cgroup;  // below which they are made
  ProcessLimits limits;
  std::shared_ptr<const Bystander> bystander;  // left alone
};

class ProcessTree {
 public:
  explicit ProcessTree(TreeOptions options);
  ~ProcessTree();
  ProcessTree(const ProcessTree&) = delete;
  ProcessTree& operator=(const ProcessTree&) = delete;

  // The cgroup for new processes, or -1. The first call ends what an earlier agent left in its own.
  int cgroup_fd();
  // Whether a process other than zombies is left. Cheap.
  bool any_left();
  // SIGKILL to all, until none is left; false: some were left after two seconds (uninterruptible
  // sleep). `reap` collects zombies and is called in between.
  bool kill_all(const std::function<void()>& reap);

 private:
  void leave_cgroup();

  TreeOptions options_;
  bool cleared_ = false;    // what an earlier life left is gone
  bool refused_ = false;    // no cgroup can be made here
  std::uint64_t made_ = 0;  // a cgroup that was killed is never used again
  std::string folder_;
  Fd fd_;
};

// Processes whose environment at their start held `variable` ("NAME=value"), other than the caller.
std::vector<pid_t> processes_with_environment(const std::string& variable);

}  // namespace reachback::agent
