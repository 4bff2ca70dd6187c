#include "server/service/user_rights.h"

#include <algorithm>

namespace reachback::server {

void UserRights::set(const User& user) {
  WriteLock lock(mutex_);
  users_[{user.tenant, user.id}] = {user.roles, permissions_of(user.roles), user.groups,
                                    user.disabled, user.valid_from};
}

void UserRights::remove(const TenantId& tenant, const UserId& user) {
  WriteLock lock(mutex_);
  users_.erase({tenant, user});
}

void UserRights::end_grant(const TenantId& tenant, const GrantId& grant, Timestamp at) {
  WriteLock lock(mutex_);
  ended_.emplace(std::pair(tenant, grant), at);
}

void UserRights::forget_ended(Timestamp before) {
  WriteLock lock(mutex_);
  std::erase_if(ended_, [before](const auto& entry) { return entry.second < before; });
}

UserRoles UserRights::roles_of(const Principal& principal) const {
  if (!principal.user) {
    return 0;
  }
  ReadLock lock(mutex_);
  auto found = users_.find({principal.tenant, principal.user->user});
  return found == users_.end() ? 0 : found->second.roles;
}

Result<void> UserRights::apply(Principal& principal) const {
  if (!principal.user) {
    return {};
  }
  const UserToken& token = *principal.user;
  ReadLock lock(mutex_);
  auto found = users_.find({principal.tenant, token.user});
  if (found == users_.end() || found->second.disabled || token.issued < found->second.valid_from ||
      ended_.contains({principal.tenant, token.grant})) {
    return Error{Errc::unauthenticated, "The access token was revoked"};
  }
  const Rights& rights = found->second;
  principal.permissions &= rights.permissions;
  if (rights.groups.empty()) {
    return {};
  }
  // A group that is gone allows nothing.
  std::vector<std::string> tags;
  const DeviceGroupList known = groups_.all(principal.tenant);
  for (const DeviceGroup& group : *known) {
    if (std::find(rights.groups.begin(), rights.groups.end(), group.id) != rights.groups.end()) {
      tags.push_back(group.tag);
    }
  }
  principal.machine_tags = std::move(tags);
  return {};
}

}  // namespace reachback::server
