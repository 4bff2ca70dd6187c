// Which client assertions were taken already: each counts once.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::server {

// In memory only: after a restart, an assertion that has not expired could be taken once more.
// Bounded: so many of each application until they expire; only what an application signed gets
// here, so strangers cannot fill it. Thread-safe.
class UsedAssertions {
 public:
  explicit UsedAssertions(std::size_t per_app_max) : per_app_max_(per_app_max) {}

  // Takes it, if it was not taken yet; of several calls at once, one succeeds. `use`: what makes
  // it one. It is forgotten at `expires`, when nobody accepts it any more. Errors:
  // invalid_assertion (taken before), too_many_requests (no room: refused, rather than forgotten).
  Result<void> use(const TenantId& tenant, const AppId& app, const Sha256& use, Timestamp expires,
                   Timestamp now);
  std::size_t size() const;

 private:
  using Client = std::pair<TenantId, AppId>;
  using Entry = std::pair<Client, Sha256>;
  void forget_expired(Timestamp now) RB_REQUIRES(mutex_);

  const std::size_t per_app_max_;
  mutable Mutex mutex_;
  std::map<Client, std::set<Sha256>> used_ RB_GUARDED_BY(mutex_);
  std::multimap<Timestamp, Entry> by_expiry_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
