// The route table as it is shown to whoever must agree with it.
#include "server/rest/call.h"
#include "server/rest/routes.h"

namespace reachback::server::rest {

Result<std::vector<RouteRow>> route_rows(Profile profile) {
  RB_TRY_ASSIGN(Limits limits, Limits::load());
  RB_TRY_ASSIGN(const PermissionTable permissions,
                PermissionTable::load(profile, /*strict=*/false));
  const Bounds bounds = Bounds::of(limits, profile);
  std::vector<RouteRow> rows;
  for (const Route& route : route_table()) {
    RouteRow row;
    row.method = route.method;
    row.path = route.path;
    row.plane = route.plane == Plane::api       ? "api"
                : route.plane == Plane::sign_in ? "sign_in"
                                                : "about";
    const RoutePermissions* open = permissions.find(route.name);
    for (const std::string& role : all_roles()) {
      if (open != nullptr && (permission_of_role(role) & open->application) != 0) {
        row.credential += (row.credential.empty() ? "bearer " : "|") + role;
      }
    }
    if (route.plane != Plane::api) {
      const bool page = route.name == "authorize" || route.name == "device_login";
      row.credential = route.body_max == nullptr ? "none" : page ? "password" : "client secret";
    }
    row.body_bytes_max = route.body_max != nullptr ? bounds.*route.body_max : 0;
    switch (route.rate) {
      case Rate::none:
        row.rate = route.body_max != nullptr ? "wrong_secrets" : "none";
        break;
      case Rate::calls:
        row.rate = "calls";
        break;
      case Rate::run_calls:
        row.rate = "run_calls";
        break;
      case Rate::package_uri_calls:
        row.rate = "package_uri_calls";
        break;
      case Rate::typing_calls:
        row.rate = "typing_calls";
        break;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace reachback::server::rest
