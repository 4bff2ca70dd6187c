// Users and device groups, as administrators make, change and end them.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "server/ports/passwords.h"
#include "server/ports/users.h"
#include "server/service/device_groups.h"
#include "server/service/settings_caller.h"
#include "server/service/user_rights.h"

namespace reachback::server {

struct NewUser {
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> groups;  // by name; empty: every machine
  std::string password;             // empty: one is made
  bool one_time_codes = true;
};

// What is absent stays as it is.
struct UserEdit {
  std::optional<std::vector<std::string>> roles, groups;
  std::optional<bool> disabled;
};

struct MadeUser {
  User user;
  // Shown this once; empty: it was given, or has not changed.
  std::string password;
  std::string code_key, code_uri;  // for an authenticator app
};

struct UserView {
  User user;
  std::vector<std::string> groups;  // their names
};

// What it changes counts for the next call. Blocks on the stores and hashes passwords: any thread
// but a loop's. What it borrows outlives it.
class UserSettings {
 public:
  struct Deps {
    UserStore& users;
    Passwords& passwords;
    Clock& clock;
    Random& random;
    // Of a running server; may be null.
    UserRights* rights = nullptr;
    DeviceGroups* groups = nullptr;
  };
  UserSettings(const Deps& deps, const TenantId& tenant) : deps_(deps), tenant_(tenant) {}

  // Errors of all: unavailable, storage_full. Of a change: invalid_input, missing_parameter (the
  // field stands first), not_found (the user, a group), disallowed (it would give more than the
  // caller holds: what a user may, whoever sets its password may).
  // Errors: already_exists, too.
  Result<MadeUser> create(const SettingsCaller& by, NewUser wanted);
  Result<std::vector<UserView>> list();
  Result<UserView> get(const std::string& name);
  // Disabling ends the user's tokens. Errors: conflict (the caller would end its own
  // administration), too.
  Result<UserView> change(const SettingsCaller& by, const std::string& name, const UserEdit& edit);
  // Both end the user's tokens. `password` empty: one is made. off: no one-time codes any more.
  Result<MadeUser> set_password(const SettingsCaller& by, const std::string& name,
                                const std::string& password);
  Result<MadeUser> set_codes(const SettingsCaller& by, const std::string& name, bool off);
  Result<User> end_tokens(const SettingsCaller& by, const std::string& name);
  // Errors: not_found, conflict (the caller itself).
  Result<void> remove(const SettingsCaller& by, const std::string& name);

  // Errors: invalid_input, already_exists.
  Result<DeviceGroup> create_group(const SettingsCaller& by, const std::string& name,
                                   const std::string& tag);
  Result<std::vector<DeviceGroup>> groups();
  // Errors: not_found, conflict (a user is assigned to it).
  Result<void> remove_group(const SettingsCaller& by, const std::string& name);

 private:
  Result<UserRoles> roles_of(const std::vector<std::string>& names) const;
  Result<std::vector<std::int32_t>> groups_of(const std::vector<std::string>& names);
  Result<User> stored(const std::string& name);
  Result<User> apply(const SettingsCaller& by, const User& user, const UserChange& change);
  Result<std::string> hash(const std::string& given, std::string& made);
  Result<UserView> view(User user);
  Result<void> tell_groups();

  Deps deps_;
  const TenantId tenant_;
};

}  // namespace reachback::server
