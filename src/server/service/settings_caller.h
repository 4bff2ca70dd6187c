// Who changes settings, and what it may hand on.
#pragma once

#include <string>

#include "server/ports/audit_entry.h"
#include "server/ports/tokens.h"

namespace reachback::server {

struct SettingsCaller {
  ChangedBy audit{};
  // What it may give to applications and users, and take over of theirs.
  Permissions may_give = ~Permissions{0};
  std::string application{};     // client id that calls; empty: nobody over the network
  std::optional<UserId> user{};  // for whom it calls

  // Somebody on the server's own machine, who may do everything.
  static SettingsCaller local() { return {}; }
  // An application with Reachback.Manage may give everything: it could make itself an
  // administrator. A user gives what the token holds, and no more. Errors: disallowed (only some
  // machines exist for the caller: settings are about all of them).
  static Result<SettingsCaller> of(const Principal& by);

  // Errors: disallowed (names what the caller does not hold).
  Result<void> check_gives(Permissions wanted) const;
};

// "name: 1 to 200 bytes ...": the field stands first, for people and for forms.
Error wrong_field(std::string_view field, std::string_view why);
std::string listed(const std::vector<std::string>& words);

}  // namespace reachback::server
