// Which permissions open which route: api/permissions.json, which is compiled in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/ports/tokens.h"
#include "server/rest/limits.h"

namespace reachback::server::rest {

// One of a set is enough. Source: api/permissions.json names the document of each.
struct RoutePermissions {
  Permissions application = 0;       // of tokens with roles
  Permissions delegated = 0;         // of tokens with scopes
  Permissions read_all_results = 0;  // also enough for an application, while that switch is on
};

// Of one profile. Immutable after loading; any thread.
class PermissionTable {
 public:
  // strict: exactly what MDE's documents of the profile ask; nothing is then left to
  // read_all_results. Errors: corrupt (names what is wrong; a build that passed its tests has
  // none).
  static Result<PermissionTable> load(Profile profile, bool strict);
  // As load(), from the text of a permissions.json.
  static Result<PermissionTable> parse(std::string_view json, Profile profile, bool strict);

  // nullptr: no such row.
  const RoutePermissions* find(std::string_view route) const;
  const std::map<std::string, RoutePermissions, std::less<>>& all() const { return rows_; }

 private:
  std::map<std::string, RoutePermissions, std::less<>> rows_;
};

}  // namespace reachback::server::rest
