#include "server/rest/json_body.h"

#include <algorithm>

namespace reachback::server::rest {

std::uint64_t characters(std::string_view utf8) {
  return static_cast<std::uint64_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Result<json::Value> parse_json_object(std::string_view body) {
  RB_TRY_ASSIGN(json::Value value, json::parse(body));
  if (!value.is_object()) {
    return Error{Errc::invalid_body, "Request body must be a JSON object"};
  }
  return value;
}

Result<std::optional<std::string>> optional_text(const json::Object& object, std::string_view name,
                                                 std::uint64_t chars_max) {
  auto invalid = [name](const std::string& why) {
    return Error{Errc::invalid_input, std::string(name) + why};
  };
  const json::Value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) {
    return std::optional<std::string>();
  }
  if (!value->is_string()) {
    return invalid(" must be a string");
  }
  std::string text(value->get_string());
  if (text.find('\0') != std::string::npos) {
    return invalid(" must not hold NUL");
  }
  if (characters(text) > chars_max) {
    return invalid(" is longer than " + std::to_string(chars_max) + " characters");
  }
  return std::optional<std::string>(std::move(text));
}

Result<std::string> required_text(const json::Object& object, std::string_view name,
                                  std::uint64_t chars_max) {
  RB_TRY_ASSIGN(auto text, optional_text(object, name, chars_max));
  if (!text || text->empty()) {
    return Error{Errc::missing_parameter, std::string(name) + " is required"};
  }
  return std::move(*text);
}

}  // namespace reachback::server::rest
