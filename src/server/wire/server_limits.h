// The limits of the server's parts: those of api/limits.json for the profile, and what the settings
// file says instead. Errors of all: corrupt (api/limits.json).
#pragma once

#include "server/link/agent_api.h"
#include "server/service/interactive.h"
#include "server/service/live_response.h"
#include "server/service/sign_in.h"
#include "server/service/user_access.h"
#include "server/wire/config.h"

namespace reachback::server {

Result<LiveResponseLimits> live_response_limits(const Config& config);
Result<AssertionLimits> assertion_limits(const Config& config);
Result<UserAccessLimits> user_access_limits(const Config& config);
Result<InteractiveLimits> interactive_limits(const Config& config);
Result<SessionLimits> session_limits(const Config& config);

}  // namespace reachback::server
