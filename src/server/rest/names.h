// How enumerators are spelled on the wire. Source: mde-spec.md §7, §10.
#pragma once

#include <optional>
#include <string_view>

#include "server/action/action.h"
#include "server/ports/directory.h"

namespace reachback::server::rest {

std::string_view status_name(action::Status status);
std::string_view command_status_name(action::CommandStatus status);
std::string_view type_name(action::CommandType type);
std::string_view device_value_name(DeviceValue value);
std::optional<DeviceValue> parse_device_value(std::string_view name);  // exact spelling
std::string_view interface_type_name(InterfaceType type);
std::string_view operational_status_name(OperationalStatus status);
// A member of KnownRequestSource, in its exact spelling.
bool is_request_source(std::string_view name);

}  // namespace reachback::server::rest
