// What the calls that change settings share: they are done in the background, by whom and with
// which members of the body.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "server/rest/call.h"

namespace reachback::server::rest {

struct SettingsAnswer {
  int status = 200;
  std::string json{};  // empty: no body
};

// Errors: disallowed (the caller's tenant has no settings here, or it sees some machines only).
Result<SettingsCaller> settings_caller(const Core& core, const Call& call);

// Runs `work` where it may block, and answers what it gives. Refuses the call when the caller may
// change no settings, or when too much waits (503).
void in_background(Core& core, const CallPtr& call,
                   std::function<Result<SettingsAnswer>(const SettingsCaller& by)> work);

// {"value":[...]} of objects that are written already.
std::string list_of(const std::vector<std::string>& objects);
// A JSON list of strings, appended.
void append_texts(std::string& out, const std::vector<std::string>& texts);

// Members of a body; nullopt: absent or null. Errors: invalid_input, the member's name first.
Result<std::optional<std::vector<std::string>>> optional_texts(const json::Object& body,
                                                               std::string_view name);
Result<std::optional<bool>> optional_boolean(const json::Object& body, std::string_view name);
Result<std::optional<std::int64_t>> optional_number(const json::Object& body,
                                                    std::string_view name);

}  // namespace reachback::server::rest
