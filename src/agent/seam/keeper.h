// Keeps one network process running for as long as the agent runs: starts it, relays what it says
// on standard error, ends it when it misbehaves, starts another after a wait that doubles. Scripts
// go on meanwhile. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/ports/events.h"
#include "agent/ports/network_process.h"
#include "agent/ports/supervisor.h"
#include "agent/seam/host.h"
#include "base/random.h"

namespace reachback::agent {

inline constexpr Duration kRestartFirst = std::chrono::milliseconds(250);
inline constexpr Duration kRestartMax = std::chrono::seconds(30);
// A process that lived this long did well: the next wait is short again.
inline constexpr Duration kLivedWell = std::chrono::seconds(60);

struct KeeperDeps {
  Events& events;
  Random& random;
  const Clock& clock;
  Supervisor& supervisor;
  NetworkLauncher& launcher;
  pb::SeamSetup setup;
  std::function<void(const pb::SeamReady&)> on_ready;  // each process, once
  std::function<void(const std::string& why)> on_dismissed;
  std::function<void()> on_idle;
};

class NetworkKeeper {
 public:
  explicit NetworkKeeper(KeeperDeps deps);
  ~NetworkKeeper();
  NetworkKeeper(const NetworkKeeper&) = delete;
  NetworkKeeper& operator=(const NetworkKeeper&) = delete;

  void start();
  // Lets the process close its connection and end, at most `patience`; then ends it. Blocks.
  void stop(Duration patience);

 private:
  void on_ended();
  void lose(const Error& error);
  void relay_log();
  void say(const std::string& line);
  void start_later();
  void clear();

  KeeperDeps deps_;
  NetworkProcess process_;
  std::unique_ptr<SeamHost> host_;
  std::unique_ptr<Events::Handle> exit_watch_, log_watch_, restart_;
  std::string line_;  // of the log, not yet whole
  int lines_ = 0;     // since lines_since_
  Duration lines_since_{};
  Duration started_{};
  Duration wait_ = kRestartFirst;
};

}  // namespace reachback::agent
