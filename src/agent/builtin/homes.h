// What in people's own folders runs when they sign in, or lets somebody in.
#pragma once

#include <string>
#include <vector>

#include "agent/builtin/place_teller.h"
#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

// The home folders of /etc/passwd, each once, in its order; not /.
std::vector<std::string> homes(const System& system, Output& output);

// Start files of shells, keys that may sign in (their type and comment), ssh's rc, units of the
// user's own systemd.
void tell_home(const System& system, Output& output, PlaceTeller& teller, const std::string& home);

}  // namespace reachback::agent::builtin
