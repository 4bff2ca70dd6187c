// What users may do at this moment, for every call to look at.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "server/ports/tokens.h"
#include "server/ports/users.h"
#include "server/service/device_groups.h"

namespace reachback::server {

// What the store holds, in memory; whoever changes it there changes it here, too. So a role taken
// away counts for the next call, not from the next token on. Thread-safe.
class UserRights {
 public:
  explicit UserRights(const DeviceGroups& groups) : groups_(groups) {}  // borrowed

  void set(const User& user);
  void remove(const TenantId& tenant, const UserId& user);
  // Tokens that came from the grant do not count any more. Kept until forget_ended().
  void end_grant(const TenantId& tenant, const GrantId& grant, Timestamp at);
  // Forgets grants that ended before a moment: their tokens have expired.
  void forget_ended(Timestamp before);

  // Cuts a principal down to what its user may: the permissions of its roles, the machines of its
  // device groups. A principal that is no user of ours stays as it is. Errors: unauthenticated (the
  // user is gone or disabled, the token is from before User::valid_from, or its grant has ended).
  Result<void> apply(Principal& principal) const;
  // 0: the principal is no user of ours.
  UserRoles roles_of(const Principal& principal) const;

 private:
  struct Rights {
    UserRoles roles = 0;
    Permissions permissions = 0;  // of the roles
    std::vector<std::int32_t> groups;
    bool disabled = false;
    Timestamp valid_from{};
  };
  const DeviceGroups& groups_;
  mutable SharedMutex mutex_;
  std::map<std::pair<TenantId, UserId>, Rights> users_ RB_GUARDED_BY(mutex_);
  std::map<std::pair<TenantId, GrantId>, Timestamp> ended_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
