// The processes that descend from the agent, and how to end all of them: by cgroup v2 where one can
// be made, else by walking /proc, which sees every descendant because the agent is their subreaper.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/file.h"

namespace reachback::agent {

class ProcessTree {
 public:
  // leaf: name of the cgroup to make below the agent's own; empty: do not try.
  explicit ProcessTree(std::string leaf);
  ~ProcessTree();
  ProcessTree(const ProcessTree&) = delete;
  ProcessTree& operator=(const ProcessTree&) = delete;

  // The cgroup for new processes, or -1. Makes it at the first call and ends what is still in it.
  int cgroup_fd();
  // Whether a process other than zombies is left. Cheap.
  bool any_left();
  // SIGKILL to all, until none is left; false: some were left after two seconds (uninterruptible
  // sleep). `reap` collects zombies and is called in between.
  bool kill_all(const std::function<void()>& reap);

 private:
  bool cgroup_populated() const;

  std::string leaf_;
  bool tried_ = false;
  std::string folder_;
  Fd fd_;
};

// Processes whose environment at their start held `variable` ("NAME=value"), other than the caller.
std::vector<pid_t> processes_with_environment(const std::string& variable);

}  // namespace reachback::agent
