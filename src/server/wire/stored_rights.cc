#include "server/wire/stored_rights.h"

#include "server/wire/admin_request.h"

namespace reachback::server {

Result<void> load_app_rates(AppStore& apps, const std::vector<Tenant>& tenants, AppRates& into) {
  for (const Tenant& tenant : tenants) {
    RB_TRY_ASSIGN(auto all,
                  wait<std::vector<App>>([&](const auto& done) { apps.apps(tenant.id, done); }));
    for (const App& app : all) {
      into.set(app.tenant, app.id, app.rate_factor);
    }
  }
  return {};
}

Result<void> load_user_rights(UserStore& users, const std::vector<Tenant>& tenants,
                              Timestamp ended_since, UserRights& into, DeviceGroups& into_groups) {
  for (const Tenant& tenant : tenants) {
    RB_TRY_ASSIGN(auto all,
                  wait<std::vector<User>>([&](const auto& done) { users.users(tenant.id, done); }));
    for (const User& user : all) {
      into.set(user);
    }
    RB_TRY_ASSIGN(auto groups, wait<std::vector<DeviceGroup>>(
                                   [&](const auto& done) { users.groups(tenant.id, done); }));
    into_groups.set(tenant.id, std::move(groups));
  }
  RB_TRY_ASSIGN(auto ended, wait<std::vector<UserGrant>>(
                                [&](const auto& done) { users.ended_grants(ended_since, done); }));
  for (const UserGrant& grant : ended) {
    into.end_grant(grant.tenant, grant.id, *grant.ended);
  }
  return {};
}

}  // namespace reachback::server
