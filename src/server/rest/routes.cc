#include "server/rest/routes.h"

#include <algorithm>

#include "base/bytes.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"

namespace reachback::server::rest {
namespace {

// A machine action of MDE's that agents cannot do: read, checked, and answered as MDE does for a
// platform without it.
constexpr Route unserved(std::string_view name, std::string_view path) {
  return {name,
          "POST",
          path,
          Plane::api,
          Rate::calls,
          &Bounds::cancel_body_bytes,
          post_unserved_action,
          /*audited=*/true};
}
// A change that a body tells.
constexpr Route change(std::string_view name, std::string_view method, std::string_view path,
                       std::uint64_t Bounds::* body_max, Handler handler) {
  return {name, method, path, Plane::api, Rate::calls, body_max, handler, /*audited=*/true};
}

// Of the extension API: reading, and changing without a body.
constexpr Route reading(std::string_view name, std::string_view path, Handler handler) {
  return {name, "GET", path, Plane::api, Rate::calls, nullptr, handler};
}
constexpr Route doing(std::string_view name, std::string_view method, std::string_view path,
                      Handler handler) {
  return {name, method, path, Plane::api, Rate::calls, nullptr, handler, /*audited=*/true};
}

constexpr Route kRoutes[] = {
    {"token", "POST", "/{tenant}/oauth2/v2.0/token", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, post_token_v2},
    {"token", "POST", "/{tenant}/oauth2/token", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, post_token_v1},
    {"revoke", "POST", "/{tenant}/oauth2/v2.0/revoke", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, post_revoke},
    {"authorize", "GET", "/{tenant}/oauth2/v2.0/authorize", Plane::sign_in, Rate::none, nullptr,
     authorize_v2},
    {"authorize", "POST", "/{tenant}/oauth2/v2.0/authorize", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, authorize_v2},
    {"authorize", "GET", "/{tenant}/oauth2/authorize", Plane::sign_in, Rate::none, nullptr,
     authorize_v1},
    {"authorize", "POST", "/{tenant}/oauth2/authorize", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, authorize_v1},
    {"device_code", "POST", "/{tenant}/oauth2/v2.0/devicecode", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, post_device_code_v2},
    {"device_code", "POST", "/{tenant}/oauth2/devicecode", Plane::sign_in, Rate::none,
     &Bounds::token_body_bytes, post_device_code_v1},
    {"device_login", "GET", "/devicelogin", Plane::sign_in, Rate::none, nullptr, get_device_login},
    {"device_login", "POST", "/devicelogin", Plane::sign_in, Rate::none, &Bounds::token_body_bytes,
     post_device_login},
    {"configuration", "GET", "/{tenant}/v2.0/.well-known/openid-configuration", Plane::sign_in,
     Rate::none, nullptr, get_configuration_v2},
    {"configuration", "GET", "/{tenant}/.well-known/openid-configuration", Plane::sign_in,
     Rate::none, nullptr, get_configuration_v1},
    {"keys", "GET", "/{tenant}/discovery/v2.0/keys", Plane::sign_in, Rate::none, nullptr, get_keys},
    {"instance", "GET", "/common/discovery/instance", Plane::sign_in, Rate::none, nullptr,
     get_instance},

    {"machines.list", "GET", "/api/machines", Plane::api, Rate::calls, nullptr, get_machines},
    // Before {id}: of the addresses that fit, the first counts.
    {"machines.count", "GET", "/api/machines/$count", Plane::api, Rate::calls, nullptr,
     get_machines_count},
    {"machines.find_by_ip", "GET", "/api/machines/findbyip({arguments})", Plane::api, Rate::calls,
     nullptr, find_machines_by_ip},
    {"machines.find_by_tag", "GET", "/api/machines/findbytag", Plane::api, Rate::calls, nullptr,
     find_machines_by_tag},
    change("machines.tag_many", "POST", "/api/machines/AddOrRemoveTagForMultipleMachines",
           &Bounds::machine_body_bytes, post_tag_of_machines),
    change("machines.tag", "POST", "/api/machines/{id}/tags", &Bounds::machine_body_bytes,
           post_tag),
    change("machines.value", "POST", "/api/machines/{id}/setDeviceValue",
           &Bounds::machine_body_bytes, post_device_value),
    change("machines.patch", "PATCH", "/api/machines/{id}", &Bounds::machine_body_bytes,
           patch_machine),
    {"machines.get", "GET", "/api/machines/{id}", Plane::api, Rate::calls, nullptr, get_machine},
    {"machines.run", "POST", "/api/machines/{id}/runliveresponse", Plane::api, Rate::run_calls,
     &Bounds::run_body_bytes, post_run_live_response, /*audited=*/true},
    unserved("machines.isolate", "/api/machines/{id}/isolate"),
    unserved("machines.unisolate", "/api/machines/{id}/unisolate"),
    unserved("machines.scan", "/api/machines/{id}/runAntiVirusScan"),
    unserved("machines.restrict", "/api/machines/{id}/restrictCodeExecution"),
    unserved("machines.unrestrict", "/api/machines/{id}/unrestrictCodeExecution"),
    unserved("machines.quarantine_file", "/api/machines/{id}/StopAndQuarantineFile"),
    unserved("machines.collect_package", "/api/machines/{id}/collectInvestigationPackage"),
    unserved("machines.offboard", "/api/machines/{id}/offboard"),
    {"actions.of_machine", "GET", "/api/machines/{id}/machineActions", Plane::api, Rate::calls,
     nullptr, get_machine_actions},
    {"machinegroups.list", "GET", "/api/machinegroups", Plane::api, Rate::calls, nullptr,
     get_machine_groups},
    {"actions.package", "GET", "/api/machineactions/{id}/getPackageUri", Plane::api,
     Rate::package_uri_calls, nullptr, get_package_uri},
    {"actions.list", "GET", "/api/machineactions", Plane::api, Rate::calls, nullptr, get_actions},
    {"actions.count", "GET", "/api/machineactions/$count", Plane::api, Rate::calls, nullptr,
     get_actions_count},
    {"actions.get", "GET", "/api/machineactions/{id}", Plane::api, Rate::calls, nullptr,
     get_action},
    {"actions.events", "GET", "/api/machineactions/{id}/events", Plane::api, Rate::calls, nullptr,
     get_action_events},
    {"actions.cancel", "POST", "/api/machineactions/{id}/cancel", Plane::api, Rate::calls,
     &Bounds::cancel_body_bytes, post_cancel, /*audited=*/true},
    {"actions.link", "GET", "/api/machineactions/{id}/GetLiveResponseResultDownloadLink({index})",
     Plane::api, Rate::calls, nullptr, get_result_link,
     /*audited=*/true},
    // Ours.
    {"actions.receipts", "GET", "/api/machineactions/{id}/receipts", Plane::api, Rate::calls,
     nullptr, get_receipts},
    {"library.list", "GET", "/api/libraryfiles", Plane::api, Rate::calls, nullptr, get_library},
    {"library.upload", "POST", "/api/libraryfiles", Plane::api, Rate::calls,
     &Bounds::library_body_bytes, post_library, /*audited=*/true},
    {"library.count", "GET", "/api/libraryfiles/$count", Plane::api, Rate::calls, nullptr,
     get_library_count},
    {"library.delete", "DELETE", "/api/libraryfiles/{name}", Plane::api, Rate::calls, nullptr,
     delete_library_file, /*audited=*/true},
    {"alerts.list", "GET", "/api/alerts", Plane::api, Rate::calls, nullptr, get_alerts},
    // For people (docs/people-api.md).
    reading("people.me", "/api/reachback/me", get_me),
    reading("people.machine_state", "/api/reachback/machines/{id}/state", get_machine_state),
    reading("people.online", "/api/reachback/onlineMachines", get_online_machines),
    reading("people.audit", "/api/reachback/audit", get_audit),
    reading("applications.list", "/api/reachback/applications", get_applications),
    change("applications.create", "POST", "/api/reachback/applications",
           &Bounds::settings_body_bytes, post_application),
    doing("applications.delete", "DELETE", "/api/reachback/applications/{id}", delete_application),
    doing("applications.rotate", "POST", "/api/reachback/applications/{id}/rotate",
          post_application_rotate),
    reading("users.list", "/api/reachback/users", get_users),
    change("users.create", "POST", "/api/reachback/users", &Bounds::settings_body_bytes, post_user),
    change("users.change", "PATCH", "/api/reachback/users/{name}", &Bounds::settings_body_bytes,
           patch_user),
    doing("users.delete", "DELETE", "/api/reachback/users/{name}", delete_user),
    doing("users.password", "POST", "/api/reachback/users/{name}/password", post_user_password),
    doing("users.totp", "POST", "/api/reachback/users/{name}/totp", post_user_totp),
    doing("users.end_tokens", "POST", "/api/reachback/users/{name}/endTokens",
          post_user_end_tokens),
    reading("devicegroups.list", "/api/reachback/deviceGroups", get_device_groups),
    change("devicegroups.create", "POST", "/api/reachback/deviceGroups",
           &Bounds::settings_body_bytes, post_device_group),
    doing("devicegroups.delete", "DELETE", "/api/reachback/deviceGroups/{name}",
          delete_device_group),
    reading("enrollment.list", "/api/reachback/enrollmentTokens", get_enrollment_tokens),
    change("enrollment.create", "POST", "/api/reachback/enrollmentTokens",
           &Bounds::settings_body_bytes, post_enrollment_token),
    doing("enrollment.delete", "DELETE", "/api/reachback/enrollmentTokens/{id}",
          delete_enrollment_token),
    reading("webhooks.list", "/api/reachback/webhooks", get_webhooks),
    reading("webhooks.deliveries", "/api/reachback/webhooks/{name}/deliveries",
            get_webhook_deliveries),
    doing("webhooks.test", "POST", "/api/reachback/webhooks/{name}/test", post_webhook_test),
    reading("interactive.table", "/api/reachback/interactive", get_interactive_table),
    change("sessions.open", "POST", "/api/reachback/machines/{id}/sessions",
           &Bounds::interactive_body_bytes, post_session),
    reading("sessions.list", "/api/reachback/sessions", get_sessions),
    reading("sessions.get", "/api/reachback/sessions/{id}", get_session),
    reading("sessions.commands", "/api/reachback/sessions/{id}/commands", get_session_commands),
    change("sessions.run", "POST", "/api/reachback/sessions/{id}/commands",
           &Bounds::interactive_body_bytes, post_session_command),
    doing("sessions.close", "POST", "/api/reachback/sessions/{id}/close", post_session_close),
    {"terminals.type", "POST", "/api/reachback/terminals/{id}/input", Plane::api,
     Rate::typing_calls, &Bounds::interactive_body_bytes, post_terminal_input},
    // Public: tools read them before they can sign in, and nothing in them is about a tenant.
    {"about.metadata", "GET", "/api/$metadata", Plane::about, Rate::none, nullptr, get_metadata},
    {"about.openapi", "GET", "/api/openapi.json", Plane::about, Rate::none, nullptr, get_openapi},
};

std::vector<std::string_view> cut(std::string_view path) {
  std::vector<std::string_view> out;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    auto end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

bool is_param(std::string_view pattern) {
  return pattern.starts_with('{');
}
bool is_function(std::string_view pattern) {
  return pattern.ends_with("})");
}

// Whether the segment fits; what stands at {x} is appended to params.
bool fits(std::string_view pattern, std::string_view segment, std::vector<std::string>& params) {
  if (is_param(pattern)) {
    params.emplace_back(segment);
    return true;
  }
  if (is_function(pattern)) {
    std::string_view head = pattern.substr(0, pattern.find('{'));  // with its '('
    if (segment.size() <= head.size() || !segment.ends_with(')') ||
        !equals_ignore_case(segment.substr(0, head.size()), head)) {
      return false;
    }
    params.emplace_back(segment.substr(head.size(), segment.size() - head.size() - 1));
    return true;
  }
  return equals_ignore_case(pattern, segment);
}

}  // namespace

std::span<const Route> route_table() {
  return kRoutes;
}

std::string broken_route(std::span<const Route> routes, const PermissionTable& permissions) {
  for (const auto& [name, set] : permissions.all()) {
    if (std::none_of(routes.begin(), routes.end(),
                     [&row = name](const Route& route) { return route.name == row; })) {
      return "api/permissions.json has " + name + ", which is no route";
    }
  }
  for (const Route& route : routes) {
    std::string name = std::string(route.method) + " " + std::string(route.path);
    if (route.handler == nullptr || route.name.empty()) {
      return name + " has no handler or name";
    }
    // What is typed into a terminal is in its recording, not in the audit.
    const bool is_typing = route.rate == Rate::typing_calls;
    if (route.plane == Plane::api && route.method != "GET" && !route.audited && !is_typing) {
      return name + " changes something and is not audited";
    }
    const bool has_row = permissions.find(route.name) != nullptr;
    if ((route.plane == Plane::api) != has_row) {
      return name + (has_row ? " asks for a permission" : " has no permission");
    }
    if ((route.plane == Plane::api) != (route.rate != Rate::none)) {
      return name + " has the wrong call rate";
    }
    if ((route.plane != Plane::sign_in) != route.path.starts_with("/api/")) {
      return name + " is on the wrong plane";
    }
    if (route.plane == Plane::about && (route.method != "GET" || route.body_max != nullptr)) {
      return name + " is open to everybody and does more than tell";
    }
    for (const Route& other : routes) {
      if (&other != &route && other.method == route.method && other.path == route.path) {
        return name + " is there twice";
      }
    }
  }
  return "";
}

std::optional<std::vector<std::string>> split_path(std::string_view path) {
  if (!path.starts_with('/')) {
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (std::string_view raw : cut(path)) {
    auto segment = percent_decode(raw);
    if (!segment || segment->empty() || *segment == "." || *segment == ".." ||
        !is_valid_utf8(*segment)) {
      return std::nullopt;
    }
    for (char c : *segment) {
      auto u = static_cast<unsigned char>(c);
      if (u < 0x20 || u == 0x7f || c == '/' || c == '\\' || c == ';') {
        return std::nullopt;
      }
    }
    out.push_back(std::move(*segment));
  }
  return out;
}

Router::Router(std::span<const Route> routes) {
  for (const Route& route : routes) {
    patterns_.push_back({&route, cut(route.path)});
  }
}

Match Router::match(std::string_view path) const {
  Match out;
  auto segments = split_path(path);
  if (!segments) {
    return out;
  }
  if (segments->size() > 2 && equals_ignore_case((*segments)[0], "api") &&
      equals_ignore_case((*segments)[1], "v1.0")) {
    segments->erase(segments->begin() + 1);
  }
  for (const Pattern& pattern : patterns_) {
    if (pattern.segments.size() != segments->size() ||
        (!out.routes.empty() && out.routes.front()->path != pattern.route->path)) {
      continue;
    }
    std::vector<std::string> params;
    bool all = true;
    for (std::size_t i = 0; all && i < segments->size(); ++i) {
      all = fits(pattern.segments[i], (*segments)[i], params);
    }
    if (all) {
      out.routes.push_back(pattern.route);
      out.params = std::move(params);
    }
  }
  return out;
}

}  // namespace reachback::server::rest
