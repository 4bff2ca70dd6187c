#include "server/service/used_assertions.h"

namespace reachback::server {

Result<void> UsedAssertions::use(const TenantId& tenant, const AppId& app, const Sha256& use,
                                 Timestamp expires, Timestamp now) {
  const Client client(tenant, app);
  MutexLock lock(mutex_);
  forget_expired(now);
  if (auto found = used_.find(client); found != used_.end()) {
    if (found->second.contains(use)) {
      return Error{Errc::invalid_assertion,
                   "Client assertion was used before: each counts once, sign a new one."};
    }
    if (found->second.size() >= per_app_max_) {
      return Error{Errc::too_many_requests,
                   "Too many client assertions of this application have not expired yet; give "
                   "them a shorter life."};
    }
  }
  used_[client].insert(use);
  by_expiry_.emplace(expires, Entry(client, use));
  return {};
}

std::size_t UsedAssertions::size() const {
  MutexLock lock(mutex_);
  return by_expiry_.size();
}

void UsedAssertions::forget_expired(Timestamp now) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    const Entry& gone = by_expiry_.begin()->second;
    auto client = used_.find(gone.first);
    client->second.erase(gone.second);
    if (client->second.empty()) {
      used_.erase(client);
    }
    by_expiry_.erase(by_expiry_.begin());
  }
}

}  // namespace reachback::server
