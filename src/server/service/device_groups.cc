#include "server/service/device_groups.h"

#include <algorithm>

namespace reachback::server {

void DeviceGroups::set(const TenantId& tenant, std::vector<DeviceGroup> groups) {
  std::sort(groups.begin(), groups.end(),
            [](const DeviceGroup& a, const DeviceGroup& b) { return a.id < b.id; });
  auto list = std::make_shared<const std::vector<DeviceGroup>>(std::move(groups));
  WriteLock lock(mutex_);
  groups_[tenant] = std::move(list);
}

DeviceGroupList DeviceGroups::all(const TenantId& tenant) const {
  static const DeviceGroupList none = std::make_shared<const std::vector<DeviceGroup>>();
  ReadLock lock(mutex_);
  auto found = groups_.find(tenant);
  return found == groups_.end() ? none : found->second;
}

std::optional<DeviceGroup> DeviceGroups::group_of(const TenantId& tenant,
                                                  const std::vector<std::string>& tags) const {
  const DeviceGroupList groups = all(tenant);
  const DeviceGroup* group = server::group_of(groups, tags);
  return group == nullptr ? std::nullopt : std::optional(*group);
}

}  // namespace reachback::server
