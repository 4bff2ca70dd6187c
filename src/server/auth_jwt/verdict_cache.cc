#include "server/auth_jwt/verdict_cache.h"

#include <algorithm>

namespace reachback::server {

VerdictCache::VerdictCache(std::size_t verdicts_max)
    : shard_max_(std::max<std::size_t>(1, verdicts_max / kShards)) {}

std::shared_ptr<const Verdict> VerdictCache::find(const Sha256& token) const {
  const Shard& shard = shards_[token[0] % kShards];
  MutexLock lock(shard.mutex);
  auto at = shard.verdicts.find(token);
  return at == shard.verdicts.end() ? nullptr : at->second;
}

void VerdictCache::put(const Sha256& token, std::shared_ptr<const Verdict> verdict) {
  Shard& shard = shards_[token[0] % kShards];
  MutexLock lock(shard.mutex);
  if (auto at = shard.verdicts.find(token); at != shard.verdicts.end()) {
    at->second = std::move(verdict);
    return;
  }
  if (shard.order.size() < shard_max_) {
    shard.order.push_back(token);
  } else {
    shard.verdicts.erase(shard.order[shard.next]);
    shard.order[shard.next] = token;
    shard.next = (shard.next + 1) % shard_max_;
  }
  shard.verdicts.emplace(token, std::move(verdict));
}

std::size_t VerdictCache::size() const {
  std::size_t total = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    total += shard.verdicts.size();
  }
  return total;
}

}  // namespace reachback::server
