// The agent's state folder: 0700, ours, a real folder, used by one agent at a time.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

// Refuses a hostile layout: `path` is a symbolic link or no folder, belongs to somebody else, or
// lets others in; or one of key.pem, agent.json, ca.pem, journal, spool, work in it is a symbolic
// link or belongs to somebody else. Errors: forbidden (which, and what to do), not_found.
Result<void> check_state_folder(const std::string& path);
// Makes it if it is not there, then checks it.
Result<void> make_state_folder(const std::string& path);
// Held until the Fd is closed. Errors: already_active (another agent runs on it).
Result<Fd> lock_state_folder(const std::string& path);

}  // namespace reachback::agent
