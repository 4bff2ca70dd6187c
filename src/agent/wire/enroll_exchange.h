// What is said at enrolment, for one machine or for a thousand simulated ones: the request, and
// what its answer means. Pure.
#pragma once

#include <string>

#include "agent/supervisor/agent_supervisor.h"
#include "net/http_client.h"

namespace reachback::agent {

struct EnrollRequest {
  std::string token;
  std::string host_name;
  pb::Hello::Body facts;  // platform, version and architecture count
};
net::ClientRequest enroll_request(const EnrollRequest& request,
                                  const crypto::Ed25519PrivateKey& key);

// Who the machine with this key is from now on. server: as the operator gave it, for messages.
// Errors: unauthenticated (the token), not_found (not the agents' listener), conflict (the server
// refuses this machine), unavailable (too busy: the same request again is good), protocol.
Result<Identity> read_enroll_answer(const net::ClientResponse& answer, const std::string& server,
                                    const crypto::Ed25519PrivateKey& key);

}  // namespace reachback::agent
