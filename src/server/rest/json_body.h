// Members of JSON request bodies. Names are case-sensitive, those that are not known are ignored.
// Source: mde-spec.md §13 15.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"

namespace reachback::server::rest {

// Errors: invalid_body (not JSON, a key twice, no object).
Result<json::Value> parse_json_object(std::string_view body);
// A string; nullopt when absent or null. Errors: invalid_input (another kind, a NUL, longer),
// naming it.
Result<std::optional<std::string>> optional_text(const json::Object& object, std::string_view name,
                                                 std::uint64_t chars_max);
// The same, but there and not empty. Errors: missing_parameter, too.
Result<std::string> required_text(const json::Object& object, std::string_view name,
                                  std::uint64_t chars_max);
// Of UTF-8.
std::uint64_t characters(std::string_view utf8);

}  // namespace reachback::server::rest
