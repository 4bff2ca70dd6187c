// How enumerators are spelled on the wire. Source: mde-spec.md §7.
#pragma once

#include <string_view>

#include "server/action/action.h"

namespace reachback::server::rest {

std::string_view status_name(action::Status status);
std::string_view command_status_name(action::CommandStatus status);
std::string_view type_name(action::CommandType type);
// A member of KnownRequestSource, in its exact spelling.
bool is_request_source(std::string_view name);

}  // namespace reachback::server::rest
