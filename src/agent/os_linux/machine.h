// What the machine says about itself, and what the agent asks of it at its start.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

// Errors: io.
Result<BootId> read_boot_id();
// Host name, platform, versions, architecture and addresses as they are now; the rest of the body
// is empty. Platform, processor and architecture in MDE's words.
pb::Hello::Body read_machine_facts();
// No core dump, no ptrace and no /proc/<agent>/… for others of the same user.
void harden_process();
// Gives back what an idle agent does not need: free heap, and the pages of code that only the start
// or the last action used. They are clean pages of the program's file: one that is needed again is
// mapped again.
void release_unused_memory();

}  // namespace reachback::agent
