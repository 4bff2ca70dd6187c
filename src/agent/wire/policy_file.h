// The policy file: what this machine's owner lets the server do. Docs: docs/agent-policy.md.
#pragma once

#include <string>
#include <string_view>

#include "agent/os_linux/cgroup.h"
#include "agent/supervisor/policy.h"
#include "base/result.h"

namespace reachback::agent {

struct PolicyFile {
  Policy policy;
  ProcessLimits limits;      // of the file, else of api/limits.json
  std::string network_user;  // empty: not named
};

inline constexpr const char* kSystemPolicy = "/etc/reachback/policy.toml";

// state_folder/policy.toml, else kSystemPolicy, else everything is allowed.
// Errors: forbidden (not a plain file, of somebody else than root or the agent's user, or one that
// others may write), invalid_input ("FILE:LINE: why", also for a key that is not known).
Result<PolicyFile> load_policy(const std::string& state_folder);
// file: its name in errors.
Result<PolicyFile> parse_policy(std::string_view text, const std::string& file);

}  // namespace reachback::agent
