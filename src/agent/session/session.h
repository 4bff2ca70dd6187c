// The agent's standing connection: connects, says hello, keeps the heartbeat, carries messages
// between server and supervisor, and connects again, for as long as the agent runs. Loop thread
// only.
#pragma once

#include <functional>
#include <memory>

#include "agent/ports/supervisor.h"
#include "base/random.h"
#include "net/dialer.h"

namespace reachback::agent {

struct SessionDeps {
  net::Dialer& network;
  Supervisor& supervisor;
  net::Origin server;  // the agents' listener
  Random& random;
  // The server has welcomed the machine; each time.
  std::function<void(const MachineId&)> on_connected;
  // Connected and nothing to carry: a good moment to give memory back. Not on the way of an action.
  std::function<void()> on_idle;
  // The server wants no further connection from this machine.
  std::function<void(const std::string& why)> on_dismissed;
};

class Session {
 public:
  explicit Session(SessionDeps deps);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Connects now; later, after a wait with full jitter.
  void start();
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace reachback::agent
