// What an agent says, in the server's terms.
#pragma once

#include "base/result.h"
#include "protocol/agent_messages.h"
#include "server/action/step.h"
#include "server/ports/directory.h"

namespace reachback::server {

// `m` has passed protocol::decode_to_server. Errors: protocol (outcome missing, a blob name that is
// not 32 hex digits).
Result<action::CommandEnded> command_ended(const pb::CommandEnded& m);

// What the hello says of its machine; peer_ip is the address that the server sees.
MachineFacts facts_of(const pb::Hello::Body& body, const std::string& peer_ip);

}  // namespace reachback::server
