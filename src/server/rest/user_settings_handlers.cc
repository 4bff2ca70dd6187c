// /api/reachback/users and /api/reachback/deviceGroups.
#include "server/rest/handlers.h"
#include "server/rest/json_body.h"
#include "server/rest/json_text.h"
#include "server/rest/settings_call.h"

namespace reachback::server::rest {
namespace {

constexpr std::uint64_t kTextCharsMax = 256;  // the service says what a name or password may be

void write(ObjectText& object, const User& user, const std::vector<std::string>& groups) {
  object.text("name", user.name);
  append_texts(object.value("roles"), names_of(user.roles));
  append_texts(object.value("groups"), groups);
  object.boolean("disabled", user.disabled);
  object.boolean("oneTimeCode", !user.totp_key.empty());
  object.time("created", user.created);
}

std::string shown(const UserView& view) {
  std::string out;
  ObjectText object(out);
  write(object, view.user, view.groups);
  object.close();
  return out;
}

// With what is shown once.
std::string shown(const MadeUser& made, const std::vector<std::string>& groups) {
  std::string out;
  ObjectText object(out);
  write(object, made.user, groups);
  if (!made.password.empty()) {
    object.text("password", made.password);
  }
  if (!made.code_key.empty()) {
    object.text("totpKey", made.code_key);
    object.text("totpUri", made.code_uri);
  }
  object.close();
  return out;
}

std::string shown(const DeviceGroup& group) {
  std::string out;
  ObjectText object(out);
  object.number("id", group.id);
  object.text("name", group.name);
  append_texts(object.value("tags"), {group.tag});
  object.time("created", group.created);
  object.close();
  return out;
}

Result<NewUser> parse_user(std::string_view text) {
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(text));
  const json::Object& body = value.get_object();
  NewUser out;
  RB_TRY_ASSIGN(out.name, required_text(body, "name", kTextCharsMax));
  RB_TRY_ASSIGN(auto roles, optional_texts(body, "roles"));
  RB_TRY_ASSIGN(auto groups, optional_texts(body, "groups"));
  RB_TRY_ASSIGN(auto codes, optional_boolean(body, "oneTimeCode"));
  out.roles = roles.value_or(std::vector<std::string>());
  out.groups = groups.value_or(std::vector<std::string>());
  out.one_time_codes = codes.value_or(true);
  return out;
}

Result<UserEdit> parse_edit(std::string_view text) {
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(text));
  const json::Object& body = value.get_object();
  UserEdit out;
  RB_TRY_ASSIGN(out.roles, optional_texts(body, "roles"));
  RB_TRY_ASSIGN(out.groups, optional_texts(body, "groups"));
  RB_TRY_ASSIGN(out.disabled, optional_boolean(body, "disabled"));
  return out;
}

struct GroupBody {
  std::string name, tag;
};
Result<GroupBody> parse_group(std::string_view text) {
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(text));
  const json::Object& body = value.get_object();
  GroupBody out;
  RB_TRY_ASSIGN(out.name, required_text(body, "name", kTextCharsMax));
  RB_TRY_ASSIGN(auto tags, optional_texts(body, "tags"));
  if (!tags || tags->size() != 1) {
    return wrong_field("tags", "exactly one: a device group is the machines with one tag");
  }
  out.tag = tags->front();
  return out;
}

}  // namespace

void get_users(Core& core, const CallPtr& call) {
  in_background(core, call, [&core](const SettingsCaller&) -> Result<SettingsAnswer> {
    RB_TRY_ASSIGN(auto users, core.deps.settings.users.list());
    std::vector<std::string> objects;
    objects.reserve(users.size());
    for (const UserView& view : users) {
      objects.push_back(shown(view));
    }
    return SettingsAnswer{200, list_of(objects)};
  });
}

void post_user(Core& core, const CallPtr& call) {
  auto wanted = parse_user(call->content());
  if (!wanted) {
    core.refuse(*call, wanted.error());
    return;
  }
  in_background(core, call,
                [&core, wanted = *wanted](const SettingsCaller& by) -> Result<SettingsAnswer> {
                  RB_TRY_ASSIGN(auto made, core.deps.settings.users.create(by, wanted));
                  return SettingsAnswer{201, shown(made, wanted.groups)};
                });
}

void patch_user(Core& core, const CallPtr& call) {
  auto edit = parse_edit(call->content());
  if (!edit) {
    core.refuse(*call, edit.error());
    return;
  }
  in_background(core, call,
                [&core, name = call->params.front(),
                 edit = *edit](const SettingsCaller& by) -> Result<SettingsAnswer> {
                  RB_TRY_ASSIGN(auto view, core.deps.settings.users.change(by, name, edit));
                  return SettingsAnswer{200, shown(view)};
                });
}

void delete_user(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, name = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        RB_TRY(core.deps.settings.users.remove(by, name));
        return SettingsAnswer{204};
      });
}

void post_user_password(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, name = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        UserSettings& users = core.deps.settings.users;
        RB_TRY_ASSIGN(auto made, users.set_password(by, name, ""));
        RB_TRY_ASSIGN(auto view, users.get(name));
        return SettingsAnswer{200, shown(made, view.groups)};
      });
}

void post_user_totp(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, name = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        UserSettings& users = core.deps.settings.users;
        RB_TRY_ASSIGN(auto made, users.set_codes(by, name, /*off=*/false));
        RB_TRY_ASSIGN(auto view, users.get(name));
        return SettingsAnswer{200, shown(made, view.groups)};
      });
}

void post_user_end_tokens(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, name = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        RB_TRY(core.deps.settings.users.end_tokens(by, name));
        return SettingsAnswer{204};
      });
}

void get_device_groups(Core& core, const CallPtr& call) {
  in_background(core, call, [&core](const SettingsCaller&) -> Result<SettingsAnswer> {
    RB_TRY_ASSIGN(auto groups, core.deps.settings.users.groups());
    std::vector<std::string> objects;
    objects.reserve(groups.size());
    for (const DeviceGroup& group : groups) {
      objects.push_back(shown(group));
    }
    return SettingsAnswer{200, list_of(objects)};
  });
}

void post_device_group(Core& core, const CallPtr& call) {
  auto wanted = parse_group(call->content());
  if (!wanted) {
    core.refuse(*call, wanted.error());
    return;
  }
  in_background(core, call,
                [&core, wanted = *wanted](const SettingsCaller& by) -> Result<SettingsAnswer> {
                  RB_TRY_ASSIGN(auto group,
                                core.deps.settings.users.create_group(by, wanted.name, wanted.tag));
                  return SettingsAnswer{201, shown(group)};
                });
}

void delete_device_group(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, name = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        RB_TRY(core.deps.settings.users.remove_group(by, name));
        return SettingsAnswer{204};
      });
}

}  // namespace reachback::server::rest
