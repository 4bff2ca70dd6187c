#include "server/rest/permissions.h"

#include "json/json.h"

namespace reachback::data {
extern const std::string_view permissions_json;
}

namespace reachback::server::rest {
namespace {

using NameToBits = Permissions (*)(std::string_view name);

Error broken(std::string_view what) {
  return Error{Errc::corrupt, "api/permissions.json: " + std::string(what)};
}

// What a route is opened by is the right to it. What it may then do there is asked elsewhere.
Permissions without_grades(Permissions permissions) {
  return permissions & ~bit(Permission::live_response_advanced);
}

Result<Permissions> set_of(const std::string& where, const json::Value* value, NameToBits bits_of) {
  if (value == nullptr || !value->is_array() || value->get_array().empty()) {
    return broken(where + " is not a list of permissions");
  }
  Permissions out = 0;
  for (const json::Value& name : value->get_array()) {
    const Permissions bits =
        name.is_string() ? bits_of(std::string_view(name.get_string())) : Permissions{0};
    if (bits == 0) {
      return broken(where + " names no permission: " + json::write(name));
    }
    out |= without_grades(bits);
  }
  return out;
}

// One list for every profile, or one for each: every one is checked, whichever is asked for.
Result<Permissions> set_of_profile(const std::string& where, const json::Value& value,
                                   NameToBits bits_of, Profile wanted) {
  const json::Object* by_profile = value.if_object();
  if (by_profile == nullptr) {
    return set_of(where, &value, bits_of);
  }
  constexpr std::pair<std::string_view, Profile> kProfiles[] = {
      {"2021", Profile::y2021}, {"2025", Profile::y2025}, {"2026", Profile::y2026}};
  if (by_profile->size() != std::size(kProfiles)) {
    return broken(where + " must have a list for each profile and nothing else");
  }
  Permissions out = 0;
  for (const auto& [name, profile] : kProfiles) {
    RB_TRY_ASSIGN(const Permissions set, set_of(where + " of " + std::string(name),
                                                by_profile->if_contains(name), bits_of));
    out = profile == wanted ? set : out;
  }
  return out;
}

Result<void> make_strict(const std::string& route, const json::Value& strict, Profile profile,
                         RoutePermissions& out) {
  const json::Object* object = strict.if_object();
  if (object == nullptr || object->empty()) {
    return broken(route + ": 'strict' is not an object");
  }
  for (const auto& member : *object) {
    const bool application = member.key() == "application";
    if (!application && member.key() != "delegated") {
      return broken(route + ": 'strict' has '" + std::string(member.key()) + "'");
    }
    RB_TRY_ASSIGN(const Permissions set,
                  set_of_profile(route + ", strict " + std::string(member.key()), member.value(),
                                 application ? permission_of_role : permission_of_scope, profile));
    Permissions& all = application ? out.application : out.delegated;
    if ((set & ~all) != 0) {
      return broken(route + ": strict takes what is not taken otherwise");
    }
    all = set;
  }
  return {};
}

}  // namespace

Result<PermissionTable> PermissionTable::load(Profile profile, bool strict) {
  return parse(data::permissions_json, profile, strict);
}

Result<PermissionTable> PermissionTable::parse(std::string_view text, Profile profile,
                                               bool strict) {
  auto root = json::parse(text);
  if (!root) {
    return broken(root.error().message);
  }
  const json::Object* object = root->if_object();
  const json::Value* list = object == nullptr ? nullptr : object->if_contains("routes");
  if (list == nullptr || !list->is_array()) {
    return broken("no list 'routes'");
  }
  PermissionTable out;
  for (const json::Value& item : list->get_array()) {
    const json::Object* row = item.if_object();
    const json::Value* name = row == nullptr ? nullptr : row->if_contains("route");
    const json::Value* source = row == nullptr ? nullptr : row->if_contains("source");
    if (name == nullptr || !name->is_string() || source == nullptr || !source->is_string()) {
      return broken("an element of 'routes' without route or source");
    }
    const std::string route(name->get_string());
    RoutePermissions set;
    RB_TRY_ASSIGN(set.application, set_of(route + ", application", row->if_contains("application"),
                                          permission_of_role));
    RB_TRY_ASSIGN(set.delegated, set_of(route + ", delegated", row->if_contains("delegated"),
                                        permission_of_scope));
    if (const json::Value* results = row->if_contains("read_all_results")) {
      RB_TRY_ASSIGN(set.read_all_results,
                    set_of(route + ", read_all_results", results, permission_of_role));
    }
    RoutePermissions narrow = set;
    narrow.read_all_results = 0;
    if (const json::Value* documents = row->if_contains("strict")) {
      RB_TRY(make_strict(route, *documents, profile, narrow));
    }
    if (!out.rows_.emplace(route, strict ? narrow : set).second) {
      return broken(route + " is there twice");
    }
  }
  return out;
}

const RoutePermissions* PermissionTable::find(std::string_view route) const {
  auto found = rows_.find(route);
  return found == rows_.end() ? nullptr : &found->second;
}

}  // namespace reachback::server::rest
