// Starts one program with nothing inherited but what is named.
#pragma once

#include <sys/types.h>

#include "agent/os_linux/cgroup.h"
#include "agent/ports/process.h"
#include "base/file.h"

namespace reachback::agent {

struct Spawned {
  pid_t pid = -1;
  Fd pidfd;  // readable once the process has ended
};

// The program leads a session and a process group of its own, dies with the agent's main thread,
// has /dev/null as input (with spec.terminal: stdout_fd, which is its controlling terminal), the
// two descriptors as output and error, spec.script_fd as kScriptFd and no other descriptor, default
// signal handling, umask 022 and no core dump. cgroup_fd: the cgroup v2 folder it is born in; -1:
// the agent's. limits: what each process gets where no cgroup holds the tree, the agent's own
// program apart. Errors: not_found, forbidden, io: "run <program>: …"; then no process is left.
Result<Spawned> spawn(const ProcessSpec& spec, const ProcessLimits& limits, int stdout_fd,
                      int stderr_fd, int cgroup_fd);

}  // namespace reachback::agent
