#include "server/service/user_settings.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/totp.h"
#include "server/service/blocking.h"

namespace reachback::server {
namespace {

constexpr std::size_t kUserNameBytesMax = 256;
constexpr std::size_t kGroupNameBytesMax = 200;

// One line that people can read and type: no control characters, no blanks around it.
bool is_name(std::string_view name, std::size_t bytes_max) {
  return !name.empty() && name.size() <= bytes_max && is_valid_utf8(name) && name.front() != ' ' &&
         name.back() != ' ' && std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

// What an authenticator app takes. Source: Key URI format of Google Authenticator.
void show_codes(MadeUser& out) {
  if (out.user.totp_key.empty()) {
    return;
  }
  out.code_key = crypto::to_base32(out.user.totp_key);
  out.code_uri = "otpauth://totp/Reachback:" + percent_encode(out.user.name) +
                 "?secret=" + out.code_key + "&issuer=Reachback";
}

std::vector<std::string> names_in(const std::vector<DeviceGroup>& known, const User& user) {
  std::vector<std::string> out;
  for (const DeviceGroup& group : known) {
    if (std::find(user.groups.begin(), user.groups.end(), group.id) != user.groups.end()) {
      out.push_back(group.name);
    }
  }
  return out;
}

Result<void> check_own(const SettingsCaller& by, const User& user, const UserChange& change) {
  const bool is_own = by.user && *by.user == user.id;
  const bool loses_role =
      change.roles && (permissions_of(*change.roles) & bit(Permission::reachback_manage)) == 0;
  const bool loses_machines = change.groups && !change.groups->empty();
  if (is_own && (change.disabled.value_or(false) || loses_role || loses_machines)) {
    return Error{Errc::conflict,
                 "you would end your own administration; on the server's own machine, "
                 "'reachback-server user set' does it"};
  }
  return {};
}

}  // namespace

Result<MadeUser> UserSettings::create(const SettingsCaller& by, NewUser wanted) {
  if (!is_name(wanted.name, kUserNameBytesMax)) {
    return wrong_field("name", "1 to 256 bytes of UTF-8 in one line");
  }
  MadeUser out;
  User& user = out.user;
  user.tenant = tenant_;
  user.id = UserId::make(deps_.random);
  user.name = std::move(wanted.name);
  RB_TRY_ASSIGN(user.roles, roles_of(wanted.roles));
  RB_TRY_ASSIGN(user.groups, groups_of(wanted.groups));
  RB_TRY(by.check_gives(permissions_of(user.roles)));
  RB_TRY_ASSIGN(user.password, hash(wanted.password, out.password));
  if (wanted.one_time_codes) {
    user.totp_key = deps_.random.bytes(crypto::kTotpKeyBytes);
  }
  user.created = deps_.clock.now();
  user.valid_from = user.created;
  auto added = wait<void>([&](const auto& done) { deps_.users.add_user(user, by.audit, done); });
  if (!added) {
    return added.error().code == Errc::already_exists
               ? Error{Errc::already_exists,
                       "name: a user named '" + user.name + "' already exists"}
               : added.error();
  }
  if (deps_.rights != nullptr) {
    deps_.rights->set(user);
  }
  show_codes(out);
  return out;
}

Result<std::vector<UserView>> UserSettings::list() {
  RB_TRY_ASSIGN(auto all, wait<std::vector<User>>(
                              [&](const auto& done) { deps_.users.users(tenant_, done); }));
  RB_TRY_ASSIGN(auto known, groups());
  std::vector<UserView> out;
  for (User& user : all) {
    auto names = names_in(known, user);
    out.push_back({std::move(user), std::move(names)});
  }
  return out;
}

Result<UserView> UserSettings::get(const std::string& name) {
  RB_TRY_ASSIGN(User user, stored(name));
  return view(std::move(user));
}

Result<UserView> UserSettings::change(const SettingsCaller& by, const std::string& name,
                                      const UserEdit& edit) {
  if (!edit.roles && !edit.groups && !edit.disabled) {
    return Error{Errc::missing_parameter, "nothing to change: give roles, groups or disabled"};
  }
  UserChange change;
  if (edit.roles) {
    RB_TRY_ASSIGN(change.roles, roles_of(*edit.roles));
  }
  if (edit.groups) {
    RB_TRY_ASSIGN(change.groups, groups_of(*edit.groups));
  }
  change.disabled = edit.disabled;
  if (edit.disabled.value_or(false)) {
    change.valid_from = deps_.clock.now();
  }
  RB_TRY_ASSIGN(User user, stored(name));
  RB_TRY(by.check_gives(permissions_of(change.roles.value_or(user.roles))));
  RB_TRY(check_own(by, user, change));
  RB_TRY_ASSIGN(User now, apply(by, user, change));
  return view(std::move(now));
}

Result<MadeUser> UserSettings::set_password(const SettingsCaller& by, const std::string& name,
                                            const std::string& password) {
  MadeUser out;
  UserChange change;
  RB_TRY_ASSIGN(User user, stored(name));
  RB_TRY(by.check_gives(permissions_of(user.roles)));
  RB_TRY_ASSIGN(change.password, hash(password, out.password));
  change.valid_from = deps_.clock.now();
  RB_TRY_ASSIGN(out.user, apply(by, user, change));
  return out;
}

Result<MadeUser> UserSettings::set_codes(const SettingsCaller& by, const std::string& name,
                                         bool off) {
  MadeUser out;
  UserChange change;
  RB_TRY_ASSIGN(User user, stored(name));
  RB_TRY(by.check_gives(permissions_of(user.roles)));
  change.totp_key = off ? std::string() : deps_.random.bytes(crypto::kTotpKeyBytes);
  change.valid_from = deps_.clock.now();
  RB_TRY_ASSIGN(out.user, apply(by, user, change));
  show_codes(out);
  return out;
}

Result<User> UserSettings::end_tokens(const SettingsCaller& by, const std::string& name) {
  UserChange change;
  change.valid_from = deps_.clock.now();
  RB_TRY_ASSIGN(User user, stored(name));
  return apply(by, user, change);
}

Result<void> UserSettings::remove(const SettingsCaller& by, const std::string& name) {
  RB_TRY_ASSIGN(User user, stored(name));
  if (by.user && *by.user == user.id) {
    return Error{Errc::conflict,
                 "this is you; on the server's own machine, 'reachback-server user delete' "
                 "deletes you"};
  }
  RB_TRY(wait<void>(
      [&](const auto& done) { deps_.users.remove_user(tenant_, user.id, by.audit, done); }));
  if (deps_.rights != nullptr) {
    deps_.rights->remove(tenant_, user.id);
  }
  return {};
}

Result<DeviceGroup> UserSettings::create_group(const SettingsCaller& by, const std::string& name,
                                               const std::string& tag) {
  for (const auto& [field, text] : {std::pair("name", &name), std::pair("tag", &tag)}) {
    if (!is_name(*text, kGroupNameBytesMax)) {
      return wrong_field(field, "1 to 200 bytes of UTF-8 in one line");
    }
  }
  const DeviceGroup group{tenant_, 0, name, tag, deps_.clock.now()};
  auto added =
      wait<DeviceGroup>([&](const auto& done) { deps_.users.add_group(group, by.audit, done); });
  if (!added) {
    return added.error().code == Errc::already_exists
               ? Error{Errc::already_exists,
                       "name: a device group named '" + name + "' already exists"}
               : added.error();
  }
  RB_TRY(tell_groups());
  return added;
}

Result<std::vector<DeviceGroup>> UserSettings::groups() {
  return wait<std::vector<DeviceGroup>>(
      [&](const auto& done) { deps_.users.groups(tenant_, done); });
}

Result<void> UserSettings::remove_group(const SettingsCaller& by, const std::string& name) {
  RB_TRY_ASSIGN(auto ids, groups_of({name}));
  RB_TRY(wait<void>(
      [&](const auto& done) { deps_.users.remove_group(tenant_, ids.front(), by.audit, done); }));
  return tell_groups();
}

Result<UserRoles> UserSettings::roles_of(const std::vector<std::string>& names) const {
  UserRoles out = 0;
  for (const std::string& name : names) {
    const UserRoles role = user_role_of(name);
    if (role == 0) {
      return wrong_field("roles",
                         "'" + name + "' is not known; there are " + listed(user_role_names()));
    }
    out |= role;
  }
  if (out == 0) {
    return Error{Errc::missing_parameter,
                 "roles: name at least one of " + listed(user_role_names())};
  }
  return out;
}

Result<std::vector<std::int32_t>> UserSettings::groups_of(const std::vector<std::string>& names) {
  std::vector<std::int32_t> out;
  RB_TRY_ASSIGN(auto known, groups());
  for (const std::string& name : names) {
    auto found = std::find_if(known.begin(), known.end(),
                              [&name](const DeviceGroup& group) { return group.name == name; });
    if (found == known.end()) {
      return Error{Errc::not_found, "there is no device group '" + name + "'"};
    }
    out.push_back(found->id);
  }
  return out;
}

Result<User> UserSettings::stored(const std::string& name) {
  auto user = wait<User>([&](const auto& done) { deps_.users.user_by_name(tenant_, name, done); });
  return user || user.error().code != Errc::not_found
             ? user
             : Error{Errc::not_found, "there is no user '" + name + "'"};
}

Result<User> UserSettings::apply(const SettingsCaller& by, const User& user,
                                 const UserChange& change) {
  RB_TRY_ASSIGN(User now, wait<User>([&](const auto& done) {
                  deps_.users.change_user(tenant_, user.id, change, by.audit, done);
                }));
  if (deps_.rights != nullptr) {
    deps_.rights->set(now);
  }
  return now;
}

Result<std::string> UserSettings::hash(const std::string& given, std::string& made) {
  if (given.empty()) {
    made = to_base64url(deps_.random.bytes(15));  // 120 bits in 20 characters
  }
  return deps_.passwords.hash(Secret(given.empty() ? made : given));
}

Result<UserView> UserSettings::view(User user) {
  RB_TRY_ASSIGN(auto known, groups());
  auto names = names_in(known, user);
  return UserView{std::move(user), std::move(names)};
}

Result<void> UserSettings::tell_groups() {
  if (deps_.groups != nullptr) {
    RB_TRY_ASSIGN(auto all, groups());
    deps_.groups->set(tenant_, std::move(all));
  }
  return {};
}

}  // namespace reachback::server
