// The administrator's commands about the keys that sign tokens: part of administer().
#pragma once

#include <string>

#include "json/json.h"
#include "server/wire/admin.h"

namespace reachback::server {

// Commands: token_key_list {}, token_key_add {alg: "ES256" (also when absent) or "RS256"},
// token_key_retire {id, force}. What add and retire change is on disk, in effect and in the audit
// when they answer. Errors: as TokenKeyring.
Result<json::Object> administer_token_keys(const AdminDeps& deps, const Tenant& tenant,
                                           const std::string& command, const json::Object& request);

}  // namespace reachback::server
