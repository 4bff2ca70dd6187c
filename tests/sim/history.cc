#include "history.h"

#include "json/json.h"

namespace reachback::sim {
namespace {

constexpr std::pair<Kind, std::string_view> kNames[] = {
    {Kind::accepted, "accepted"}, {Kind::answered, "answered"}, {Kind::granted, "granted"},
    {Kind::asked, "asked"},       {Kind::executed, "executed"}, {Kind::exited, "exited"},
    {Kind::stored, "stored"},     {Kind::command, "command"},   {Kind::status, "status"},
    {Kind::minted, "minted"},     {Kind::fetched, "fetched"},   {Kind::late_bound, "late_bound"},
    {Kind::quiet, "quiet"},       {Kind::ended, "ended"}};

}  // namespace

std::string_view name_of(Kind kind) {
  for (const auto& [k, name] : kNames) {
    if (k == kind) {
      return name;
    }
  }
  return "?";
}

std::optional<Kind> kind_of(std::string_view name) {
  for (const auto& [k, n] : kNames) {
    if (n == name) {
      return k;
    }
  }
  return std::nullopt;
}

std::string to_json(const Event& e) {
  json::Object o;
  o["at_us"] = e.at_us;
  o["ev"] = std::string(name_of(e.kind));
  const auto add = [&o](const char* name, const std::string& value) {
    if (!value.empty()) {
      o[name] = value;
    }
  };
  add("action", e.action);
  add("machine", e.machine);
  o["index"] = e.index;
  if (e.commands != 0) {
    o["commands"] = e.commands;
  }
  if (e.epoch != 0) {
    o["epoch"] = e.epoch;
  }
  if (e.expires_us != 0) {
    o["expires_us"] = e.expires_us;
  }
  add("blob", e.blob);
  add("text", e.text);
  add("key", e.key);
  add("body", e.body);
  o["flag"] = e.flag;
  return json::write(o);
}

std::optional<Event> from_json(std::string_view line) {
  auto value = json::parse(line);
  const json::Object* o = value.ok() ? value->if_object() : nullptr;
  if (o == nullptr) {
    return std::nullopt;
  }
  const auto number = [o](const char* name) -> std::int64_t {
    const auto* found = o->if_contains(name);
    return found != nullptr && found->is_int64() ? found->get_int64() : 0;
  };
  const auto text = [o](const char* name) -> std::string {
    const auto* found = o->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  };
  const auto kind = kind_of(text("ev"));
  if (!kind) {
    return std::nullopt;
  }
  Event e;
  e.at_us = number("at_us");
  e.kind = *kind;
  e.action = text("action");
  e.machine = text("machine");
  e.index = static_cast<std::uint32_t>(number("index"));
  e.commands = static_cast<std::uint32_t>(number("commands"));
  e.epoch = static_cast<std::uint64_t>(number("epoch"));
  e.expires_us = number("expires_us");
  e.blob = text("blob");
  e.text = text("text");
  e.key = text("key");
  e.body = text("body");
  const auto* flag = o->if_contains("flag");
  e.flag = flag != nullptr && flag->is_bool() && flag->get_bool();
  return e;
}

}  // namespace reachback::sim
