#include "server/rest/names.h"

#include <algorithm>

namespace reachback::server::rest {

std::string_view status_name(action::Status status) {
  switch (status) {
    case action::Status::pending:
      return "Pending";
    case action::Status::cancelled:
      return "Cancelled";
    case action::Status::timed_out:
      return "TimeOut";
    case action::Status::failed:
      return "Failed";
    case action::Status::in_progress:
      return "InProgress";
    case action::Status::succeeded:
      return "Succeeded";
  }
  return "Failed";
}

std::string_view command_status_name(action::CommandStatus status) {
  switch (status) {
    case action::CommandStatus::completed:
      return "Completed";
    case action::CommandStatus::failed:
      return "Failed";
    case action::CommandStatus::created:
      return "Created";
  }
  return "Failed";
}

std::string_view type_name(action::CommandType type) {
  switch (type) {
    case action::CommandType::put_file:
      return "PutFile";
    case action::CommandType::get_file:
      return "GetFile";
    case action::CommandType::run_script:
      return "RunScript";
    case action::CommandType::built_in:
      return "BuiltIn";
    case action::CommandType::terminal:
      return "Terminal";
    case action::CommandType::collect:
      return "Collect";
  }
  return "RunScript";
}

std::string_view device_value_name(DeviceValue value) {
  switch (value) {
    case DeviceValue::normal:
      return "Normal";
    case DeviceValue::low:
      return "Low";
    case DeviceValue::high:
      return "High";
  }
  return "Normal";
}

std::optional<DeviceValue> parse_device_value(std::string_view name) {
  for (DeviceValue value : {DeviceValue::normal, DeviceValue::low, DeviceValue::high}) {
    if (device_value_name(value) == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::string_view interface_type_name(InterfaceType type) {
  switch (type) {
    case InterfaceType::unknown:
      return "Unknown";
    case InterfaceType::other:
      return "Other";
    case InterfaceType::ethernet:
      return "Ethernet";
    case InterfaceType::ppp:
      return "PPP";
    case InterfaceType::software_loopback:
      return "SoftwareLoopback";
    case InterfaceType::ieee80211:
      return "IEEE80211";
    case InterfaceType::tunnel:
      return "Tunnel";
  }
  return "Unknown";
}

std::string_view operational_status_name(OperationalStatus status) {
  switch (status) {
    case OperationalStatus::unknown:
      return "Unknown";
    case OperationalStatus::up:
      return "Up";
    case OperationalStatus::down:
      return "Down";
    case OperationalStatus::dormant:
      return "Dormant";
  }
  return "Unknown";
}

bool is_request_source(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "Unspecified",     "PublicApi",  "Portal",    "MCAS", "TVM",
      "CustomDetection", "BulkAction", "ISG",       "NDR",  "EndpointConfigManagement",
      "IncidentTasks",   "MDI",        "ActiveScan"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace reachback::server::rest
