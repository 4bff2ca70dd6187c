// Starts the network process: this program once more, with a fresh memory that has never held the
// machine's key, an empty environment and no descriptor but the seam and its log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/ports/network_process.h"

namespace reachback::agent {

inline constexpr const char* kNetworkCommand = "network";
inline constexpr int kSeamFd = 3;

// bystander: told the process's id while it lives; outlives the launcher by shared ownership.
std::unique_ptr<NetworkLauncher> make_network_launcher(std::shared_ptr<Bystander> bystander);

// Of a status of waitpid(): "exit status 1", "signal 9".
std::string how_it_ended(int status);

// Whom the network process should be, when the agent may choose (it is root).
struct NetworkUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};
// wanted: a user's name; empty: reachback-agent where there is one, else nobody.
// Errors: not_found (no such user), forbidden (that user is root).
Result<NetworkUser> find_network_user(const std::string& wanted);

}  // namespace reachback::agent
