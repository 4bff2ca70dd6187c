// What the token and discovery handlers share.
#pragma once

#include <optional>
#include <string_view>

#include "server/rest/call.h"

namespace reachback::server::rest {

// The tenant of a path, if it is one of this server's. GUIDs only.
std::optional<TenantId> served_tenant(const Core& core, std::string_view text);
Refusal unknown_tenant(std::string_view text);

}  // namespace reachback::server::rest
