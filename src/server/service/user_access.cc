#include "server/service/user_access.h"

#include "server/service/texts.h"

namespace reachback::server {

UserAccess::UserAccess(const Deps& deps, const UserAccessLimits& limits)
    : sign_in(deps.users, deps.passwords, deps.clock),
      codes(deps.random, limits.code_lifetime, limits.codes),
      devices(deps.random, limits.device),
      tokens({deps.users, deps.rights, deps.issuer, deps.clock, deps.random}, limits.tokens),
      rights(deps.rights),
      apps_(deps.apps),
      users_(deps.users) {}

void UserAccess::app(const TenantId& tenant, const std::string& client_id, Done<App> done) {
  apps_.app(tenant, AppId::parse(client_id).value_or(AppId()),
            [done = std::move(done)](Result<App> app) {
              if (app && app->scopes.empty()) {
                done(Error{Errc::invalid_client, "Users cannot sign in through the application"});
              } else if (!app && app.error().code == Errc::not_found) {
                done(Error{Errc::invalid_client, "The application is not known"});
              } else {
                done(std::move(app));
              }
            });
}

void UserAccess::revoke(const App& app, const std::optional<GrantId>& grant, Done<void> done) {
  if (!grant) {
    done({});
    return;
  }
  users_.grant(app.tenant, *grant,
               [this, app = app.id, done = std::move(done)](Result<UserGrant> found) {
                 if (!found && found.error().code != Errc::not_found) {
                   done(found.error());
                 } else if (!found || found->app != app) {
                   done({});
                 } else {
                   tokens.end(found->tenant, found->id, done);
                 }
               });
}

}  // namespace reachback::server
