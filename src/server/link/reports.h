// An agent's report as the state machine's event.
#pragma once

#include "base/result.h"
#include "protocol/agent_messages.h"
#include "server/action/step.h"

namespace reachback::server {

// `m` has passed protocol::decode_to_server. Errors: protocol (outcome missing, a blob name that is
// not 32 hex digits).
Result<action::CommandEnded> command_ended(const pb::CommandEnded& m);

}  // namespace reachback::server
