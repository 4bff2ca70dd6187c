// What the machine says about itself, and what the agent asks of it at its start.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

// Errors: io.
Result<BootId> read_boot_id();
// Host name, platform, versions and addresses; the rest of the body is empty.
pb::Hello::Body read_machine_facts();
// No core dump, no ptrace and no /proc/<agent>/… for others of the same user.
void harden_process();

}  // namespace reachback::agent
