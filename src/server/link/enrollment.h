// Reading the request that enrols a machine. Pure; whoever reaches the agents' listener may send
// it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "server/service/machines.h"

namespace reachback::server {

// The JSON that protocol/signing.h describes, its signature checked; peer and order keys are left
// to the caller. Errors: unauthenticated (no token), missing_parameter, invalid_input (also a
// signature that does not prove the key), invalid_body.
Result<Enrollment> parse_enrollment(std::string_view body);

}  // namespace reachback::server
