#include "server/wire/admin_users.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/totp.h"
#include "server/wire/admin_request.h"

namespace reachback::server {
namespace {

constexpr std::size_t kUserNameBytesMax = 256;
constexpr std::size_t kGroupNameBytesMax = 200;

bool is_true(const json::Object& o, std::string_view key) {
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  return v != nullptr && v->is_bool() && v->get_bool();
}

// One line that people can read and type: no control characters, no blanks around it.
bool is_name(std::string_view name, std::size_t bytes_max) {
  return !name.empty() && name.size() <= bytes_max && is_valid_utf8(name) && name.front() != ' ' &&
         name.back() != ' ' && std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

class UserAdministration {
 public:
  UserAdministration(const AdminDeps& deps, const Tenant& tenant, const json::Object& request)
      : deps_(deps), users_(*deps.users), tenant_(tenant), request_(request) {}

  Result<json::Object> create() {
    User user;
    user.tenant = tenant_.id;
    user.id = UserId::make(deps_.random);
    user.name = string_of(request_, "name");
    if (!is_name(user.name, kUserNameBytesMax)) {
      return Error{Errc::invalid_input, "NAME: 1 to 256 bytes of UTF-8 in one line"};
    }
    RB_TRY_ASSIGN(user.roles, roles());
    if (user.roles == 0) {
      return Error{Errc::missing_parameter,
                   "--role: name at least one of " + listed(user_role_names())};
    }
    RB_TRY_ASSIGN(user.groups, groups());
    RB_TRY_ASSIGN(NewPassword password, new_password());
    user.password = password.hash;
    if (!is_true(request_, "noOneTimeCodes")) {
      user.totp_key = deps_.random.bytes(crypto::kTotpKeyBytes);
    }
    user.created = deps_.clock.now();
    user.valid_from = user.created;
    auto added = wait<void>([&](const auto& done) { users_.add_user(user, done); });
    if (!added) {
      return added.error().code == Errc::already_exists
                 ? Error{Errc::already_exists, "a user named '" + user.name + "' already exists"}
                 : added.error();
    }
    tell(user);
    json::Object out{{"userId", user.id.text()}, {"name", user.name}};
    if (!password.made.empty()) {
      out["password"] = password.made;
    }
    add_totp(out, user);
    return out;
  }

  Result<json::Object> list() {
    RB_TRY_ASSIGN(auto all, wait<std::vector<User>>(
                                [&](const auto& done) { users_.users(tenant_.id, done); }));
    RB_TRY_ASSIGN(auto groups, known_groups());
    json::Array list;
    for (const User& user : all) {
      json::Array of;
      for (const DeviceGroup& group : groups) {
        if (std::find(user.groups.begin(), user.groups.end(), group.id) != user.groups.end()) {
          of.emplace_back(group.name);
        }
      }
      const auto roles = names_of(user.roles);
      list.push_back(json::Object{{"userId", user.id.text()},
                                  {"name", user.name},
                                  {"roles", json::Array(roles.begin(), roles.end())},
                                  {"groups", std::move(of)},
                                  {"oneTimeCodes", !user.totp_key.empty()},
                                  {"disabled", user.disabled},
                                  {"created", format_time(user.created)}});
    }
    json::Object out;
    out["users"] = std::move(list);
    return out;
  }

  Result<json::Object> set() {
    UserChange change;
    RB_TRY_ASSIGN(UserRoles wanted, roles());
    if (wanted != 0) {
      change.roles = wanted;
    }
    RB_TRY_ASSIGN(auto of, groups());
    if (!of.empty()) {
      change.groups = of;
    } else if (is_true(request_, "allMachines")) {
      change.groups.emplace();
    }
    if (request_.if_contains("disabled") != nullptr) {
      change.disabled = is_true(request_, "disabled");
      if (*change.disabled) {
        change.valid_from = deps_.clock.now();
      }
    }
    if (!change.roles && !change.groups && !change.disabled) {
      return Error{
          Errc::missing_parameter,
          "nothing to change: give --role, --group, --all-machines, --disable or --enable"};
    }
    RB_TRY_ASSIGN(User user, changed(change));
    return json::Object{{"userId", user.id.text()}, {"name", user.name}};
  }

  Result<json::Object> password() {
    UserChange change;
    RB_TRY_ASSIGN(NewPassword fresh, new_password());
    change.password = fresh.hash;
    change.valid_from = deps_.clock.now();
    RB_TRY_ASSIGN(User user, changed(change));
    json::Object out{{"userId", user.id.text()}, {"name", user.name}};
    if (!fresh.made.empty()) {
      out["password"] = fresh.made;
    }
    return out;
  }

  Result<json::Object> totp() {
    UserChange change;
    change.totp_key =
        is_true(request_, "off") ? std::string() : deps_.random.bytes(crypto::kTotpKeyBytes);
    change.valid_from = deps_.clock.now();
    RB_TRY_ASSIGN(User user, changed(change));
    json::Object out{{"userId", user.id.text()}, {"name", user.name}};
    add_totp(out, user);
    return out;
  }

  Result<json::Object> end_tokens() {
    UserChange change;
    change.valid_from = deps_.clock.now();
    RB_TRY_ASSIGN(User user, changed(change));
    return json::Object{{"userId", user.id.text()}, {"name", user.name}};
  }

  Result<json::Object> remove() {
    RB_TRY_ASSIGN(User user, stored_user());
    RB_TRY(wait<void>([&](const auto& done) { users_.remove_user(tenant_.id, user.id, done); }));
    if (deps_.user_rights != nullptr) {
      deps_.user_rights->remove(tenant_.id, user.id);
    }
    return json::Object();
  }

  Result<json::Object> create_group() {
    DeviceGroup group{tenant_.id, 0, string_of(request_, "name"), string_of(request_, "tag"),
                      deps_.clock.now()};
    if (!is_name(group.name, kGroupNameBytesMax) || !is_name(group.tag, kGroupNameBytesMax)) {
      return Error{Errc::invalid_input, "NAME and --tag: 1 to 200 bytes of UTF-8 in one line"};
    }
    auto added = wait<DeviceGroup>([&](const auto& done) { users_.add_group(group, done); });
    if (!added) {
      return added.error().code == Errc::already_exists
                 ? Error{Errc::already_exists,
                         "a device group named '" + group.name + "' already exists"}
                 : added.error();
    }
    RB_TRY(tell_groups());
    return shown(*added);
  }

  Result<json::Object> list_groups() {
    RB_TRY_ASSIGN(auto all, known_groups());
    json::Array list;
    for (const DeviceGroup& group : all) {
      list.push_back(shown(group));
    }
    json::Object out;
    out["groups"] = std::move(list);
    return out;
  }

  Result<json::Object> remove_group() {
    RB_TRY_ASSIGN(auto id, group_named(string_of(request_, "name")));
    RB_TRY(wait<void>([&](const auto& done) { users_.remove_group(tenant_.id, id, done); }));
    RB_TRY(tell_groups());
    return json::Object();
  }

 private:
  struct NewPassword {
    std::string hash;
    std::string made;  // empty: it was given
  };

  static json::Object shown(const DeviceGroup& group) {
    return json::Object{{"id", group.id},
                        {"name", group.name},
                        {"tag", group.tag},
                        {"created", format_time(group.created)}};
  }

  // What an authenticator app takes. Source: Key URI format of Google Authenticator.
  void add_totp(json::Object& out, const User& user) const {
    if (user.totp_key.empty()) {
      return;
    }
    const std::string key = crypto::to_base32(user.totp_key);
    out["oneTimeCodeKey"] = key;
    out["oneTimeCodeUri"] = "otpauth://totp/Reachback:" + percent_encode(user.name) +
                            "?secret=" + key + "&issuer=Reachback";
  }

  Result<UserRoles> roles() const {
    UserRoles out = 0;
    for (const std::string& name : strings_of(request_, "roles")) {
      const UserRoles role = user_role_of(name);
      if (role == 0) {
        return Error{Errc::invalid_input,
                     "--role '" + name + "' is not known; there are " + listed(user_role_names())};
      }
      out |= role;
    }
    return out;
  }

  Result<std::vector<DeviceGroup>> known_groups() {
    return wait<std::vector<DeviceGroup>>(
        [&](const auto& done) { users_.groups(tenant_.id, done); });
  }
  Result<std::int32_t> group_named(const std::string& name) {
    RB_TRY_ASSIGN(auto known, known_groups());
    for (const DeviceGroup& group : known) {
      if (group.name == name) {
        return group.id;
      }
    }
    return Error{Errc::not_found, "there is no device group '" + name + "'"};
  }
  Result<std::vector<std::int32_t>> groups() {
    std::vector<std::int32_t> out;
    for (const std::string& name : strings_of(request_, "groups")) {
      RB_TRY_ASSIGN(auto id, group_named(name));
      out.push_back(id);
    }
    return out;
  }

  Result<NewPassword> new_password() {
    NewPassword out;
    std::string text = string_of(request_, "password");
    if (text.empty()) {
      out.made = to_base64url(deps_.random.bytes(15));  // 120 bits in 20 characters
      text = out.made;
    }
    RB_TRY_ASSIGN(out.hash, deps_.passwords->hash(Secret(text)));
    return out;
  }

  Result<User> stored_user() {
    const std::string name = string_of(request_, "name");
    auto user = wait<User>([&](const auto& done) { users_.user_by_name(tenant_.id, name, done); });
    if (!user && user.error().code == Errc::not_found) {
      return Error{Errc::not_found, "there is no user '" + name + "'"};
    }
    return user;
  }

  Result<User> changed(const UserChange& change) {
    RB_TRY_ASSIGN(User user, stored_user());
    RB_TRY_ASSIGN(User now, wait<User>([&](const auto& done) {
                    users_.change_user(tenant_.id, user.id, change, done);
                  }));
    tell(now);
    return now;
  }

  void tell(const User& user) {
    if (deps_.user_rights != nullptr) {
      deps_.user_rights->set(user);
    }
  }
  Result<void> tell_groups() {
    if (deps_.device_groups != nullptr) {
      RB_TRY_ASSIGN(auto all, known_groups());
      deps_.device_groups->set(tenant_.id, std::move(all));
    }
    return {};
  }

  const AdminDeps& deps_;
  UserStore& users_;
  const Tenant& tenant_;
  const json::Object& request_;
};

}  // namespace

Result<json::Object> administer_users(const AdminDeps& deps, const Tenant& tenant,
                                      const std::string& command, const json::Object& request) {
  using Command = Result<json::Object> (UserAdministration::*)();
  constexpr std::pair<std::string_view, Command> kCommands[] = {
      {"user_create", &UserAdministration::create},
      {"user_list", &UserAdministration::list},
      {"user_set", &UserAdministration::set},
      {"user_password", &UserAdministration::password},
      {"user_totp", &UserAdministration::totp},
      {"user_end_tokens", &UserAdministration::end_tokens},
      {"user_delete", &UserAdministration::remove},
      {"group_create", &UserAdministration::create_group},
      {"group_list", &UserAdministration::list_groups},
      {"group_delete", &UserAdministration::remove_group},
  };
  for (const auto& [name, run] : kCommands) {
    if (name == command && deps.users != nullptr && deps.passwords != nullptr) {
      return (UserAdministration(deps, tenant, request).*run)();
    }
  }
  return Error{Errc::invalid_input, "unknown command '" + command + "'"};
}

}  // namespace reachback::server
