// The unprivileged process that talks to the network, as the supervisor's side sees it. Loop thread
// only.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

// A child of the agent that is no script: left alone when a script's tree is ended. Whoever buries
// it by chance sets pid to 0 and leaves its status.
struct Bystander {
  pid_t pid = 0;  // 0: none
  int status = 0;
};

struct NetworkProcess {
  pid_t pid = 0;
  Fd socket;  // the seam: a connected stream socket
  Fd log;     // the other end of its standard error, non-blocking
  Fd pidfd;   // readable once the process has ended
};

class NetworkLauncher {
 public:
  virtual ~NetworkLauncher() = default;
  // A process that waits for SeamSetup. Errors: what keeps it from starting.
  virtual Result<NetworkProcess> launch() = 0;
  // Ends it now. Already ended: no effect.
  virtual void kill(const NetworkProcess& process) = 0;
  // Of a process that has ended: "exit status 1", "signal 31 (…)". Buries it.
  virtual std::string bury(const NetworkProcess& process) = 0;
};

}  // namespace reachback::agent
