#include "server/wire/admin_users.h"

#include "server/wire/admin_request.h"

namespace reachback::server {
namespace {

json::Object shown(const DeviceGroup& group) {
  return json::Object{{"id", group.id},
                      {"name", group.name},
                      {"tag", group.tag},
                      {"created", format_time(group.created)}};
}

json::Object shown(const UserView& view) {
  const auto roles = names_of(view.user.roles);
  return json::Object{{"userId", view.user.id.text()},
                      {"name", view.user.name},
                      {"roles", json::Array(roles.begin(), roles.end())},
                      {"groups", json::Array(view.groups.begin(), view.groups.end())},
                      {"oneTimeCodes", !view.user.totp_key.empty()},
                      {"disabled", view.user.disabled},
                      {"created", format_time(view.user.created)}};
}

json::Object shown(const MadeUser& made) {
  json::Object out{{"userId", made.user.id.text()}, {"name", made.user.name}};
  if (!made.password.empty()) {
    out["password"] = made.password;
  }
  if (!made.code_key.empty()) {
    out["oneTimeCodeKey"] = made.code_key;
    out["oneTimeCodeUri"] = made.code_uri;
  }
  return out;
}

class UserAdministration {
 public:
  UserAdministration(const AdminDeps& deps, const Tenant& tenant, const json::Object& request)
      : settings_(user_settings(deps, tenant.id)), request_(request), name_(text("name")) {}

  Result<json::Object> create() {
    NewUser wanted{name_, strings_of(request_, "roles"), strings_of(request_, "groups"),
                   text("password")};
    wanted.one_time_codes = !is_true(request_, "noOneTimeCodes");
    RB_TRY_ASSIGN(MadeUser made, settings_.create(by_, std::move(wanted)));
    return shown(made);
  }
  Result<json::Object> list() {
    RB_TRY_ASSIGN(auto all, settings_.list());
    json::Array list;
    for (const UserView& view : all) {
      list.push_back(shown(view));
    }
    return json::Object{{"users", std::move(list)}};
  }
  Result<json::Object> set() {
    UserEdit edit;
    if (auto roles = strings_of(request_, "roles"); !roles.empty()) {
      edit.roles = std::move(roles);
    }
    if (auto groups = strings_of(request_, "groups"); !groups.empty()) {
      edit.groups = std::move(groups);
    } else if (is_true(request_, "allMachines")) {
      edit.groups.emplace();
    }
    if (request_.if_contains("disabled") != nullptr) {
      edit.disabled = is_true(request_, "disabled");
    }
    if (!edit.roles && !edit.groups && !edit.disabled) {
      return Error{
          Errc::missing_parameter,
          "nothing to change: give --role, --group, --all-machines, --disable or --enable"};
    }
    RB_TRY_ASSIGN(UserView view, settings_.change(by_, name_, edit));
    return json::Object{{"userId", view.user.id.text()}, {"name", view.user.name}};
  }
  Result<json::Object> password() {
    RB_TRY_ASSIGN(MadeUser made, settings_.set_password(by_, name_, text("password")));
    return shown(made);
  }
  Result<json::Object> totp() {
    RB_TRY_ASSIGN(MadeUser made, settings_.set_codes(by_, name_, /*off=*/is_true(request_, "off")));
    return shown(made);
  }
  Result<json::Object> end_tokens() {
    RB_TRY_ASSIGN(User user, settings_.end_tokens(by_, name_));
    return json::Object{{"userId", user.id.text()}, {"name", user.name}};
  }
  Result<json::Object> remove() {
    RB_TRY(settings_.remove(by_, name_));
    return json::Object();
  }

  Result<json::Object> create_group() {
    RB_TRY_ASSIGN(DeviceGroup group, settings_.create_group(by_, name_, text("tag")));
    return shown(group);
  }
  Result<json::Object> list_groups() {
    RB_TRY_ASSIGN(auto all, settings_.groups());
    json::Array list;
    for (const DeviceGroup& group : all) {
      list.push_back(shown(group));
    }
    return json::Object{{"groups", std::move(list)}};
  }
  Result<json::Object> remove_group() {
    RB_TRY(settings_.remove_group(by_, name_));
    return json::Object();
  }

 private:
  std::string text(std::string_view key) const { return string_of(request_, key); }

  UserSettings settings_;
  const json::Object& request_;
  const std::string name_;
  const SettingsCaller by_ = SettingsCaller::local();
};

}  // namespace

UserSettings user_settings(const AdminDeps& deps, const TenantId& tenant) {
  return UserSettings(
      {*deps.users, *deps.passwords, deps.clock, deps.random, deps.user_rights, deps.device_groups},
      tenant);
}

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
