// The device groups of every tenant, in memory: which group a machine is in is asked for every
// machine that is shown. Any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/ports/listing.h"
#include "server/ports/users.h"

namespace reachback::server {

class DeviceGroups {
 public:
  // All groups of a tenant, in any order: what was there before is forgotten.
  void set(const TenantId& tenant, std::vector<DeviceGroup> groups);
  // By id; never null.
  DeviceGroupList all(const TenantId& tenant) const;
  // Of a machine with these tags: the first by id. nullopt: it is in none.
  std::optional<DeviceGroup> group_of(const TenantId& tenant,
                                      const std::vector<std::string>& tags) const;

 private:
  mutable SharedMutex mutex_;
  std::map<TenantId, DeviceGroupList> groups_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
