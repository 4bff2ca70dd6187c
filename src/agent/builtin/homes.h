// What in people's own folders runs when they sign in, or lets somebody in.
#pragma once

#include <string>
#include <vector>

#include "agent/builtin/place_teller.h"
#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

// What of one home is looked at, so that nobody's home takes the time of the others; that there was
// more is noted.
inline constexpr std::size_t kHomeFilesMax = 1000;
inline constexpr std::size_t kHomeRowsMax = 1000;  // of one file
inline constexpr std::size_t kHomeBytesMax = 16 << 20;

// The home folders of /etc/passwd, each once, in its order; not /.
std::vector<std::string> homes(const System& system, Output& output);

// Start files of shells, keys that may sign in (their type and comment), ssh's rc, units of the
// user's own systemd and their drop-ins, what a desktop starts.
void tell_home(Output& output, PlaceTeller& teller, const std::string& home);

}  // namespace reachback::agent::builtin
