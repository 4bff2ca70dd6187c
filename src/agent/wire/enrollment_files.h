// What enrolment leaves in the state folder: key.pem, ca.pem and, written last, agent.json; and
// `contact`, which changes with every session.
#pragma once

#include <string>
#include <vector>

#include "agent/supervisor/agent_supervisor.h"
#include "base/result.h"

namespace reachback::agent {

struct Enrollment {
  std::string server;  // "https://host:port", the agents' listener
  std::string ca_pem;
  std::string host_name;
  Identity identity;
};

bool is_enrolled(const std::string& state_folder);
// Errors: not_found ("not enrolled"), corrupt.
Result<Enrollment> load_enrollment(const std::string& state_folder);
Result<void> save_enrollment(const std::string& state_folder, const Enrollment& enrollment);
// The key of an earlier attempt, or a new one, kept before anybody hears of it: an answer that was
// lost does not make a second machine.
Result<crypto::Ed25519PrivateKey> make_key(const std::string& state_folder);

std::string load_contact(const std::string& state_folder);  // empty: none yet
Result<void> save_contact(const std::string& state_folder, const std::string& contact);
// Replaces the list of order keys, whole or not at all.
Result<void> save_order_keys(const std::string& state_folder, const Identity& identity);

}  // namespace reachback::agent
