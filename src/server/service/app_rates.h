// How much more often single applications may call than the others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/mutex.h"

namespace reachback::server {

// What the store holds, for every call to look at; whoever changes it there changes it here, too.
// Thread-safe.
class AppRates {
 public:
  // As App::rate_factor: the application's call rates are so many times the server's; 0: none.
  void set(const TenantId& tenant, const AppId& app, std::uint32_t factor);
  // caller: Principal::caller. 1 for everybody whom set() did not name.
  std::uint32_t factor_of(const TenantId& tenant, std::string_view caller) const;

 private:
  mutable SharedMutex mutex_;
  // By application id as text: the caller of a user or of a foreign token is never one.
  std::map<TenantId, std::map<std::string, std::uint32_t, std::less<>>> factors_
      RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
