// The arguments and JSON bodies of the calls that find and change machines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/ports/directory.h"
#include "server/rest/call.h"

namespace reachback::server::rest {

struct TagBody {
  std::string tag;
  bool remove = false;
  std::vector<MachineId> machines;  // of the call for many only
};
// {"Value","Action":"Add"|"Remove"} and, for many, "MachineIds". Errors: invalid_body,
// missing_parameter, invalid_input (also an id that is none), batch_too_large. A tag is text
// without control characters, blanks at its ends cut off. Source: mde-spec.md §10.
Result<TagBody> parse_tag_body(std::string_view body, bool many, const Bounds& bounds);

// {"DeviceValue":"Normal"|"Low"|"High"}. Errors: invalid_body, missing_parameter, invalid_input.
Result<DeviceValue> parse_device_value_body(std::string_view body);

// {"machineTags":[...],"deviceValue":"..."}, each optional, one at least. Any other property of a
// machine cannot be set: invalid_input, naming it. Errors: invalid_body, missing_parameter,
// invalid_input. Source: mde-spec.md §10.
Result<MachineChange> parse_machine_patch(std::string_view body, const Bounds& bounds);

struct FindByIp {
  std::string ip;  // normal form
  Timestamp at{};
};
// What stands between the parentheses of findbyip. Errors: invalid_query (its form), invalid_ip,
// invalid_input (a time that is none, more than the history ago, or more than a quarter of an hour
// ahead).
Result<FindByIp> parse_find_by_ip(std::string_view arguments, Timestamp now, const Bounds& bounds);

struct FindByTag {
  std::string tag;
  bool prefix = false;  // or a tag that begins so
};
// ?tag=...&useStartsWithFilter=true|false. Errors: missing_parameter, invalid_input.
Result<FindByTag> parse_find_by_tag(const Pairs& query);

}  // namespace reachback::server::rest
