#include "server/rest/run_body.h"

#include <algorithm>

#include "server/rest/json_body.h"
#include "server/rest/names.h"

namespace reachback::server::rest {
namespace {

using action::CommandType;

Error invalid(std::string message) {
  return Error{Errc::invalid_input, std::move(message)};
}
Error missing(std::string message) {
  return Error{Errc::missing_parameter, std::move(message)};
}

struct TypeRow {
  CommandType type;
  std::string_view required;
  std::string_view optional;
  int order;  // Source: mde-spec.md §2: PutFile, RunScript, GetFile
};
constexpr TypeRow kTypes[] = {
    {CommandType::put_file, "FileName", "", 0},
    {CommandType::run_script, "ScriptName", "Args", 1},
    {CommandType::get_file, "Path", "", 2},
};

const TypeRow* type_row(const json::Value& value) {
  for (const TypeRow& row : kTypes) {
    if (value.is_string() && std::string_view(value.get_string()) == type_name(row.type)) {
      return &row;
    }
  }
  return nullptr;
}

Result<void> take_param(const TypeRow& row, const json::Value& item, const std::string& where,
                        const Bounds& bounds, SubmitCommand& out) {
  const json::Object* object = item.if_object();
  if (object == nullptr) {
    return invalid(where + " must be an object with key and value");
  }
  const json::Value* key = object->if_contains("key");
  const json::Value* value = object->if_contains("value");
  if (key == nullptr || value == nullptr) {
    return missing(where + (key == nullptr ? ".key" : ".value") + " is required");
  }
  if (!key->is_string() || !value->is_string()) {
    return invalid(where + (key->is_string() ? ".value" : ".key") + " must be a string");
  }
  action::Param param{std::string(key->get_string()), std::string(value->get_string())};
  bool is_required = equals_ignore_case(param.key, row.required);
  if (!is_required && (row.optional.empty() || !equals_ignore_case(param.key, row.optional))) {
    return invalid(where + ".key is not a parameter of " + std::string(type_name(row.type)));
  }
  // MDE's keys are an enumeration: however they were sent, they come back as its members.
  param.key = is_required ? row.required : row.optional;
  for (const action::Param& earlier : out.params) {
    if (equals_ignore_case(earlier.key, param.key)) {
      return invalid(where + ".key is there twice");
    }
  }
  std::string what = where + ": " + std::string(is_required ? row.required : row.optional);
  if (param.value.find('\0') != std::string::npos) {
    return invalid(what + " must not hold NUL");
  }
  if (!is_required) {
    if (param.value.size() > bounds.args_bytes) {
      return invalid(what + " is longer than " + std::to_string(bounds.args_bytes) + " bytes");
    }
    out.args = param.value;
  } else if (row.type == CommandType::get_file) {
    if (param.value.empty() || param.value.size() > bounds.get_file_path_bytes) {
      return invalid(what + " must have 1 to " + std::to_string(bounds.get_file_path_bytes) +
                     " bytes");
    }
    out.path = param.value;
  } else {
    if (!is_library_name(param.value)) {
      return invalid(what + " is not a library file name");
    }
    out.file_name = param.value;
  }
  out.params.push_back(std::move(param));
  return {};
}

Result<SubmitCommand> take_command(const json::Value& item, const std::string& where,
                                   const Bounds& bounds, int& order) {
  const json::Object* object = item.if_object();
  if (object == nullptr) {
    return invalid(where + " must be an object");
  }
  const json::Value* type = object->if_contains("type");
  if (type == nullptr) {
    return missing(where + ".type is required");
  }
  const TypeRow* row = type_row(*type);
  if (row == nullptr) {
    return invalid(where + ".type must be PutFile, RunScript or GetFile");
  }
  if (row->order < order) {
    return invalid(where + ": the order must be PutFile, RunScript, GetFile");
  }
  order = row->order;
  SubmitCommand out;
  out.type = row->type;
  const json::Value* params = object->if_contains("params");
  if (params != nullptr && !params->is_array() && !params->is_null()) {
    return invalid(where + ".params must be an array");
  }
  if (params != nullptr && params->is_array()) {
    std::size_t n = 0;
    for (const json::Value& param : params->get_array()) {
      RB_TRY(take_param(*row, param, where + ".params[" + std::to_string(n++) + "]", bounds, out));
    }
  }
  if (out.file_name.empty() && out.path.empty()) {
    return missing(where + ": " + std::string(row->required) + " is required");
  }
  return out;
}

}  // namespace

Result<SubmitRequest> parse_run_body(std::string_view body, const Bounds& bounds) {
  RB_TRY_ASSIGN(json::Value value, parse_json_object(body));
  const json::Object& object = value.get_object();
  const json::Value* commands = object.if_contains("Commands");
  if (commands == nullptr || commands->is_null()) {
    return missing("Commands is required");
  }
  if (!commands->is_array()) {
    return invalid("Commands must be an array");
  }
  const json::Array& list = commands->get_array();
  if (list.empty()) {
    return missing("Commands: at least one command is required");
  }
  if (list.size() > bounds.commands) {
    return Error{Errc::batch_too_large, "Received: " + std::to_string(list.size()) +
                                            ", allowed: " + std::to_string(bounds.commands)};
  }
  SubmitRequest out;
  int order = 0;
  for (const json::Value& item : list) {
    std::string where = "Commands[" + std::to_string(out.commands.size()) + "]";
    RB_TRY_ASSIGN(SubmitCommand command, take_command(item, where, bounds, order));
    out.commands.push_back(std::move(command));
  }
  RB_TRY_ASSIGN(auto comment, optional_text(object, "Comment", bounds.comment_chars));
  out.comment = comment.value_or("");
  RB_TRY_ASSIGN(out.title, optional_text(object, "Title", bounds.title_chars));
  RB_TRY_ASSIGN(out.external_id, optional_text(object, "ExternalId", bounds.title_chars));
  RB_TRY_ASSIGN(auto source, optional_text(object, "RequestSource", bounds.title_chars));
  if (source) {
    if (!is_request_source(*source)) {
      return invalid("RequestSource is not known");
    }
    out.request_source = *source;
  }
  return out;
}

Result<std::string> parse_comment_body(std::string_view body, const Bounds& bounds) {
  RB_TRY_ASSIGN(json::Value value, parse_json_object(body));
  return required_text(value.get_object(), "Comment", bounds.comment_chars);
}

Result<std::optional<std::string>> parse_idempotency_key(const net::Headers& headers,
                                                         std::uint64_t chars_max) {
  auto value = headers.get("Idempotency-Key");
  if (!value) {
    return std::optional<std::string>();
  }
  bool visible =
      std::all_of(value->begin(), value->end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (headers.count("Idempotency-Key") > 1 || value->empty() || value->size() > chars_max ||
      !visible) {
    return invalid("Idempotency-Key must be there once, with 1 to " + std::to_string(chars_max) +
                   " visible ASCII characters");
  }
  return std::optional<std::string>(*value);
}

}  // namespace reachback::server::rest
