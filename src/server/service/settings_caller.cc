#include "server/service/settings_caller.h"

namespace reachback::server {

Result<SettingsCaller> SettingsCaller::of(const Principal& by) {
  if (by.machine_tags) {
    return Error{Errc::disallowed,
                 "Settings concern every machine, and you see those of some device groups only"};
  }
  SettingsCaller out;
  out.audit = {by.requestor, by.token_id, by.origin.peer_ip, by.origin.request};
  out.may_give = by.delegated ? by.permissions : ~Permissions{0};
  out.application = by.application;
  if (by.user) {
    out.user = by.user->user;
  }
  return out;
}

Result<void> SettingsCaller::check_gives(Permissions wanted) const {
  const Permissions missing = wanted & ~may_give;
  std::vector<std::string> names;
  for (const std::string& scope : all_scopes()) {
    if ((permission_of_scope(scope) & missing) != 0) {
      names.push_back(scope);
    }
  }
  if (names.empty()) {
    return {};
  }
  return Error{Errc::disallowed,
               "This would give more than your token holds: it lacks " + listed(names)};
}

Error wrong_field(std::string_view field, std::string_view why) {
  return Error{Errc::invalid_input, std::string(field) + ": " + std::string(why)};
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

}  // namespace reachback::server
