#include "server/service/app_rates.h"

namespace reachback::server {

void AppRates::set(const TenantId& tenant, const AppId& app, std::uint32_t factor) {
  WriteLock lock(mutex_);
  if (factor == 1) {
    factors_[tenant].erase(app.text());
  } else {
    factors_[tenant][app.text()] = factor;
  }
}

std::uint32_t AppRates::factor_of(const TenantId& tenant, std::string_view caller) const {
  ReadLock lock(mutex_);
  auto of_tenant = factors_.find(tenant);
  if (of_tenant == factors_.end()) {
    return 1;
  }
  auto found = of_tenant->second.find(caller);
  return found == of_tenant->second.end() ? 1 : found->second;
}

}  // namespace reachback::server
