#include "agent/wire/running_file.h"

#include "base/file.h"
#include "base/log.h"
#include "json/json.h"

namespace reachback::agent {
namespace {
std::string path_in(const std::string& state_folder) {
  return state_folder + "/running.json";
}
}  // namespace

void save_running(const std::string& state_folder, const RunningFacts& facts) {
  const json::Object object{
      {"policy", facts.policy}, {"network", facts.network}, {"limits", facts.limits}};
  auto saved = write_file_durably(path_in(state_folder), json::write(object) + "\n");
  if (!saved.ok()) {
    log_warning("running.json was not written", {field("why", saved.error().message)});
  }
}

RunningFacts load_running(const std::string& state_folder) {
  RunningFacts out;
  auto text = read_file(path_in(state_folder), 1 << 16);
  auto value = text.ok() ? json::parse(*text) : Result<json::Value>(text.error());
  if (!value.ok() || !value->is_object()) {
    return out;
  }
  const auto take = [&](const char* key, std::string& into) {
    const auto* field = value->as_object().if_contains(key);
    if (field != nullptr && field->is_string()) {
      into = std::string(field->as_string());
    }
  };
  take("policy", out.policy);
  take("network", out.network);
  take("limits", out.limits);
  return out;
}

}  // namespace reachback::agent
