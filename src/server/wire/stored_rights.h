// What the store knows of rights is in memory for every call to look at: read here at a start, kept
// up to date by the admin socket from then on. They block on the store; its errors are theirs.
#pragma once

#include <vector>

#include "server/ports/directory.h"
#include "server/ports/users.h"
#include "server/service/app_rates.h"
#include "server/service/user_rights.h"

namespace reachback::server {

Result<void> load_app_rates(AppStore& apps, const std::vector<Tenant>& tenants, AppRates& into);
// ended_since: no token of a grant that ended earlier is around any more.
Result<void> load_user_rights(UserStore& users, const std::vector<Tenant>& tenants,
                              Timestamp ended_since, UserRights& into, DeviceGroups& into_groups);

}  // namespace reachback::server
