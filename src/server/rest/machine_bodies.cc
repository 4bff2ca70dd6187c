#include "server/rest/machine_bodies.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/ip.h"
#include "server/rest/json_body.h"
#include "server/rest/names.h"

namespace reachback::server::rest {
namespace {

Error invalid(std::string message) {
  return Error{Errc::invalid_input, std::move(message)};
}

Result<std::string> checked_tag(std::string text, const std::string& where) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string::npos) {
    return invalid(where + " must not be empty");
  }
  text = text.substr(from, text.find_last_not_of(' ') - from + 1);
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return invalid(where + " must not hold control characters");
  }
  return text;
}

Result<std::vector<MachineId>> machine_ids(const json::Object& object, const Bounds& bounds) {
  const json::Value* value = object.if_contains("MachineIds");
  if (value == nullptr || value->is_null()) {
    return Error{Errc::missing_parameter, "MachineIds is required"};
  }
  if (!value->is_array() || value->get_array().empty()) {
    return invalid("MachineIds must be an array with at least one machine id");
  }
  const json::Array& list = value->get_array();
  if (list.size() > bounds.tag_machines) {
    return Error{Errc::batch_too_large, "Received: " + std::to_string(list.size()) +
                                            ", allowed: " + std::to_string(bounds.tag_machines)};
  }
  std::vector<MachineId> out;
  for (const json::Value& item : list) {
    auto id = item.is_string() ? MachineId::parse(std::string_view(item.get_string()))
                               : std::optional<MachineId>();
    if (!id) {
      return invalid("MachineIds[" + std::to_string(out.size()) + "] is not a machine id");
    }
    out.push_back(*id);
  }
  std::vector<MachineId> sorted = out;
  std::sort(sorted.begin(), sorted.end());
  if (auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
    return invalid("MachineIds: " + twice->text() + " is there twice");
  }
  return out;
}

Result<std::vector<std::string>> tag_list(const json::Value& value, const Bounds& bounds) {
  if (!value.is_array()) {
    return invalid("machineTags must be an array of strings");
  }
  std::vector<std::string> tags;
  for (const json::Value& item : value.get_array()) {
    const std::string where = "machineTags[" + std::to_string(tags.size()) + "]";
    if (!item.is_string()) {
      return invalid(where + " must be a string");
    }
    std::string text(item.get_string());
    if (characters(text) > bounds.tag_chars) {
      return invalid(where + " is longer than " + std::to_string(bounds.tag_chars) + " characters");
    }
    RB_TRY_ASSIGN(std::string tag, checked_tag(std::move(text), where));
    if (std::find(tags.begin(), tags.end(), tag) != tags.end()) {
      return invalid(where + " is there twice");
    }
    tags.push_back(std::move(tag));
  }
  if (tags.size() > bounds.tags) {
    return invalid("machineTags: more than " + std::to_string(bounds.tags) + " tags");
  }
  return tags;
}

Result<DeviceValue> device_value_of(const std::string& text, std::string_view name) {
  auto value = parse_device_value(text);
  if (!value) {
    return invalid(std::string(name) + " must be Normal, Low or High");
  }
  return *value;
}

constexpr std::uint64_t kWordChars = 64;
constexpr std::size_t kWordBytes = 64;  // of what a message shows

}  // namespace

Result<TagBody> parse_tag_body(std::string_view body, bool many, const Bounds& bounds) {
  RB_TRY_ASSIGN(json::Value value, parse_json_object(body));
  const json::Object& object = value.get_object();
  TagBody out;
  RB_TRY_ASSIGN(out.tag, required_text(object, "Value", bounds.tag_chars));
  RB_TRY_ASSIGN(out.tag, checked_tag(std::move(out.tag), "Value"));
  RB_TRY_ASSIGN(const std::string action, required_text(object, "Action", kWordChars));
  if (action != "Add" && action != "Remove") {
    return invalid("Action must be Add or Remove");
  }
  out.remove = action == "Remove";
  if (many) {
    RB_TRY_ASSIGN(out.machines, machine_ids(object, bounds));
  }
  return out;
}

Result<DeviceValue> parse_device_value_body(std::string_view body) {
  constexpr std::string_view kName = "DeviceValue";
  RB_TRY_ASSIGN(json::Value value, parse_json_object(body));
  RB_TRY_ASSIGN(const std::string text, required_text(value.get_object(), kName, kWordChars));
  return device_value_of(text, kName);
}

Result<MachineChange> parse_machine_patch(std::string_view body, const Bounds& bounds) {
  RB_TRY_ASSIGN(json::Value value, parse_json_object(body));
  MachineChange change;
  change.tags_max = bounds.tags;
  for (const auto& member : value.get_object()) {
    const std::string name(member.key());
    if (name == "machineTags") {
      RB_TRY_ASSIGN(change.tags, tag_list(member.value(), bounds));
    } else if (name == "deviceValue") {
      RB_TRY_ASSIGN(const std::string text, required_text(value.get_object(), name, kWordChars));
      RB_TRY_ASSIGN(change.device_value, device_value_of(text, name));
    } else {
      return invalid("'" + std::string(cut_utf8(name, kWordBytes)) +
                     "' cannot be set: only machineTags and deviceValue can");
    }
  }
  if (!change.tags && !change.device_value) {
    return Error{Errc::missing_parameter, "machineTags or deviceValue is required"};
  }
  return change;
}

Result<FindByIp> parse_find_by_ip(std::string_view arguments, Timestamp now, const Bounds& bounds) {
  constexpr Duration kAhead = std::chrono::minutes(15);
  const Error form{Errc::invalid_query, "findbyip takes (ip='{address}',timestamp={time})"};
  std::optional<std::string_view> ip, timestamp;
  while (!arguments.empty()) {
    const auto piece = arguments.substr(0, arguments.find(','));
    arguments.remove_prefix(std::min(piece.size() + 1, arguments.size()));
    const auto equals = piece.find('=');
    const auto name = piece.substr(0, equals);
    auto& value = equals_ignore_case(name, "ip") ? ip : timestamp;
    if (equals == std::string_view::npos || value ||
        (&value == &timestamp && !equals_ignore_case(name, "timestamp"))) {
      return form;
    }
    value = piece.substr(equals + 1);
  }
  if (!ip || !timestamp || ip->size() < 2 || !ip->starts_with('\'') || !ip->ends_with('\'')) {
    return form;
  }
  FindByIp out;
  const std::string_view text = ip->substr(1, ip->size() - 2);
  out.ip = normal_ip(text);
  if (out.ip.empty()) {
    return Error{Errc::invalid_ip,
                 "'" + std::string(cut_utf8(text, kWordBytes)) + "' is not an IP address"};
  }
  auto at = parse_time(*timestamp);
  if (!at) {
    return invalid("timestamp must be a time like 2026-01-31T08:44:05Z");
  }
  if (*at < now - bounds.find_by_ip_history || *at > now + kAhead) {
    return invalid(
        "timestamp must be within the last " +
        std::to_string(
            std::chrono::duration_cast<std::chrono::days>(bounds.find_by_ip_history).count()) +
        " days");
  }
  out.at = *at;
  return out;
}

Result<FindByTag> parse_find_by_tag(const Pairs& query) {
  auto tags = values_of(query, "tag");
  auto prefixes = values_of(query, "useStartsWithFilter");
  if (tags.size() > 1) {
    return invalid("tag is there twice");
  }
  if (tags.empty() || tags[0].empty()) {
    return Error{Errc::missing_parameter, "tag is required"};
  }
  const bool prefix = prefixes.size() == 1 && equals_ignore_case(prefixes[0], "true");
  if (!prefixes.empty() && !prefix &&
      (prefixes.size() > 1 || !equals_ignore_case(prefixes[0], "false"))) {
    return invalid("useStartsWithFilter must be true or false");
  }
  return FindByTag{std::string(tags[0]), prefix};
}

}  // namespace reachback::server::rest
