// The administrator's commands about users and device groups: part of administer().
#pragma once

#include <string>

#include "json/json.h"
#include "server/service/user_settings.h"
#include "server/wire/admin.h"

namespace reachback::server {

// Commands: user_create {name, roles, groups, password, noOneTimeCodes}, user_list {}, user_set
// {name, roles, groups, allMachines, disabled}, user_password {name, password}, user_totp {name,
// off}, user_end_tokens {name}, user_delete {name}, group_create {name, tag}, group_list {},
// group_delete {name}. Without `password` one is made. What takes something from a user counts at
// once; a new password or key, `disabled` and user_end_tokens end the user's tokens, too.
Result<json::Object> administer_users(const AdminDeps& deps, const Tenant& tenant,
                                      const std::string& command, const json::Object& request);

// What the commands and the API do it with; `deps` has users and passwords. Borrows what stands in
// them.
UserSettings user_settings(const AdminDeps& deps, const TenantId& tenant);

}  // namespace reachback::server
