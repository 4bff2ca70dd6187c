#include "server/rest/settings_call.h"

#include "server/rest/json_text.h"

namespace reachback::server::rest {
namespace {

constexpr std::size_t kTextsMax = 100;

const json::Value* member(const json::Object& body, std::string_view name) {
  const json::Value* value = body.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace

Result<SettingsCaller> settings_caller(const Core& core, const Call& call) {
  if (call.principal.tenant != core.deps.settings.tenant) {
    return Error{Errc::disallowed, "The settings of this tenant are not kept here"};
  }
  return SettingsCaller::of(call.principal);
}

void in_background(Core& core, const CallPtr& call,
                   std::function<Result<SettingsAnswer>(const SettingsCaller& by)> work) {
  auto options = refuse_options(call->query);
  auto by = settings_caller(core, *call);
  if (!options || !by) {
    core.refuse(*call, options ? by.error() : options.error());
    return;
  }
  const bool taken = core.deps.background.post([&core, call, by = *by, work = std::move(work)] {
    auto answer = work(by);
    if (!answer) {
      core.refuse(*call, answer.error());
      return;
    }
    if (!answer->json.empty()) {
      core.answer(*call, answer->status, std::move(answer->json));
      return;
    }
    net::Response response;
    response.status = answer->status;
    response.headers.add("Cache-Control", "no-store");
    core.answer(*call, std::move(response));
  });
  if (!taken) {
    core.refuse(*call, Error{Errc::unavailable, "too much waits to be done"});
  }
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    out += i > 0 ? "," : "";
    append_json_string(out, texts[i]);
  }
  out += ']';
}

std::string list_of(const std::vector<std::string>& objects) {
  std::string out = "{\"value\":[";
  for (std::size_t i = 0; i < objects.size(); ++i) {
    out += (i > 0 ? "," : "") + objects[i];
  }
  return out + "]}";
}

Result<std::optional<std::vector<std::string>>> optional_texts(const json::Object& body,
                                                               std::string_view name) {
  const json::Value* value = member(body, name);
  if (value == nullptr) {
    return std::optional<std::vector<std::string>>();
  }
  const Error wrong = wrong_field(name, "must be a list of at most 100 strings");
  if (!value->is_array() || value->get_array().size() > kTextsMax) {
    return wrong;
  }
  std::vector<std::string> out;
  for (const json::Value& element : value->get_array()) {
    if (!element.is_string()) {
      return wrong;
    }
    out.emplace_back(element.get_string());
  }
  return std::optional(std::move(out));
}

Result<std::optional<bool>> optional_boolean(const json::Object& body, std::string_view name) {
  const json::Value* value = member(body, name);
  if (value == nullptr) {
    return std::optional<bool>();
  }
  if (!value->is_bool()) {
    return wrong_field(name, "must be true or false");
  }
  return std::optional(value->get_bool());
}

Result<std::optional<std::int64_t>> optional_number(const json::Object& body,
                                                    std::string_view name) {
  const json::Value* value = member(body, name);
  if (value == nullptr) {
    return std::optional<std::int64_t>();
  }
  if (!value->is_int64()) {
    return wrong_field(name, "must be a whole number");
  }
  return std::optional(value->get_int64());
}

}  // namespace reachback::server::rest
