#include "server/rest/interactive_table.h"

#include "json/json.h"

namespace reachback::data {
extern const std::string_view interactive_json;
}

namespace reachback::server::rest {
namespace {

using Kind = InteractiveParameter::Kind;

Error corrupt(const std::string& what) {
  return Error{Errc::corrupt, "api/interactive.json: " + what};
}

Result<std::string> text_of(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().empty()) {
    return corrupt(std::string(name) + " is missing");
  }
  return std::string(std::string_view(value->get_string()));
}

bool flag_of(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// nullptr: not there.
const json::Array* list_of(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

Result<std::vector<std::string>> texts_of(const json::Object& object, std::string_view name) {
  std::vector<std::string> out;
  const json::Array* list = list_of(object, name);
  if (list == nullptr) {
    return out;
  }
  for (const json::Value& item : *list) {
    if (!item.is_string()) {
      return corrupt(std::string(name) + " holds something that is no text");
    }
    out.emplace_back(std::string_view(item.get_string()));
  }
  return out;
}

Result<InteractiveParameter> read_parameter(const json::Value& value) {
  const json::Object* object = value.if_object();
  if (object == nullptr) {
    return corrupt("a parameter is no object");
  }
  InteractiveParameter out;
  RB_TRY_ASSIGN(out.name, text_of(*object, "name"));
  RB_TRY_ASSIGN(const std::string kind, text_of(*object, "kind"));
  if (kind != "text" && kind != "path" && kind != "number" && kind != "switch") {
    return corrupt("a parameter of kind '" + kind + "'");
  }
  out.kind = kind == "path"     ? Kind::path
             : kind == "number" ? Kind::number
             : kind == "switch" ? Kind::toggle
                                : Kind::text;
  out.positional = flag_of(*object, "positional");
  out.optional = flag_of(*object, "optional");
  return out;
}

Result<InteractiveCommand> read_command(const json::Value& value) {
  const json::Object* object = value.if_object();
  if (object == nullptr) {
    return corrupt("a command is no object");
  }
  InteractiveCommand out;
  RB_TRY_ASSIGN(out.name, text_of(*object, "name"));
  RB_TRY_ASSIGN(out.summary, text_of(*object, "summary"));
  RB_TRY_ASSIGN(const std::string by, text_of(*object, "by"));
  RB_TRY_ASSIGN(const std::string role, text_of(*object, "role"));
  if ((by != "agent" && by != "action" && by != "client") ||
      (role != "basic" && role != "advanced")) {
    return corrupt(out.name + ": by '" + by + "', role '" + role + "'");
  }
  out.by = by == "agent" ? DoneBy::agent : by == "action" ? DoneBy::action : DoneBy::client;
  out.advanced = role == "advanced";
  out.long_running = flag_of(*object, "long");
  RB_TRY_ASSIGN(out.aliases, texts_of(*object, "aliases"));
  RB_TRY_ASSIGN(out.columns, texts_of(*object, "columns"));
  const json::Array* parameters = list_of(*object, "parameters");
  if (parameters == nullptr) {
    return corrupt(out.name + " has no parameters");
  }
  for (const json::Value& parameter : *parameters) {
    RB_TRY_ASSIGN(InteractiveParameter read, read_parameter(parameter));
    out.parameters.push_back(std::move(read));
  }
  return out;
}

}  // namespace

std::string_view interactive_table_text() {
  return data::interactive_json;
}

Result<InteractiveTable> load_interactive_table() {
  return parse_interactive_table(data::interactive_json);
}

Result<InteractiveTable> parse_interactive_table(std::string_view json) {
  auto value = json::parse(json);
  const json::Array* commands =
      value && value->is_object() ? list_of(value->get_object(), "commands") : nullptr;
  if (commands == nullptr) {
    return corrupt("no list of commands");
  }
  InteractiveTable out;
  for (const json::Value& command : *commands) {
    RB_TRY_ASSIGN(InteractiveCommand read, read_command(command));
    std::vector<std::string> names = read.aliases;
    names.push_back(read.name);
    for (const std::string& name : names) {
      if (find_command(out, name) != nullptr) {
        return corrupt("'" + name + "' is there twice");
      }
    }
    out.push_back(std::move(read));
  }
  return out;
}

}  // namespace reachback::server::rest
