// The administrator's commands about applications: part of administer().
#pragma once

#include <string>

#include "json/json.h"
#include "server/service/app_settings.h"
#include "server/wire/admin.h"

namespace reachback::server {

// Call rates of one application are at most so many times the server's.
inline constexpr std::int64_t kAppRateFactorMax = 1'000'000;

// Commands: app_create {name, roles, scopes, redirectUris,
// noSecret}, app_console {} (makes the console's again), app_list {}, app_rotate {clientId},
// app_delete {clientId}, app_limits {clientId, rateFactor} (0: no call rates), app_certificate_add
// {clientId, pem}, app_certificate_list {clientId}, app_certificate_remove {clientId, thumbprint}
// (SHA-256 or SHA-1, hex). What takes a credential away ends the application's tokens.
Result<json::Object> administer_apps(const AdminDeps& deps, const Tenant& tenant,
                                     const std::string& command, const json::Object& request);

// What the commands and the API do it with. Borrows `deps`.
AppSettings app_settings(const AdminDeps& deps, const TenantId& tenant);

}  // namespace reachback::server
