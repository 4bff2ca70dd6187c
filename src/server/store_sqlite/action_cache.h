// Ended actions that were read or written lately. An ended action still changes when evidence comes
// late, so a change of one replaces it here and turns away readers that began before the change.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "server/action/action.h"

namespace reachback::server {

// Least recently used goes first. Thread-safe.
class ActionCache {
 public:
  explicit ActionCache(std::size_t max) : max_(max) {}

  std::optional<action::Action> get(const TenantId& tenant, const ActionId& id) {
    MutexLock lock(mutex_);
    auto found = by_key_.find(key_of(tenant, id));
    if (found == by_key_.end()) {
      return std::nullopt;
    }
    order_.splice(order_.begin(), order_, found->second);
    return *found->second;
  }

  // Taken before a read from the database, given to put_read().
  std::uint64_t epoch() {
    MutexLock lock(mutex_);
    return epoch_;
  }
  // What a reader found. Dropped when an ended action changed since `epoch`.
  void put_read(const action::Action& a, std::uint64_t epoch) {
    MutexLock lock(mutex_);
    if (epoch == epoch_) {
      put(a);
    }
  }
  // What the writer has just committed; `was_final` if it was an ended action before, too.
  void put_written(const action::Action& a, bool was_final) {
    MutexLock lock(mutex_);
    epoch_ += was_final ? 1 : 0;
    put(a);
  }
  std::size_t size() {
    MutexLock lock(mutex_);
    return order_.size();
  }

 private:
  static std::string key_of(const TenantId& tenant, const ActionId& id) {
    std::string key(tenant.bytes());
    return key.append(id.bytes());
  }
  void put(const action::Action& a) RB_REQUIRES(mutex_) {
    if (!is_final(a.status) || max_ == 0) {
      return;
    }
    std::string key = key_of(a.tenant, a.id);
    auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      *found->second = a;
      order_.splice(order_.begin(), order_, found->second);
      return;
    }
    order_.push_front(a);
    by_key_.emplace(std::move(key), order_.begin());
    if (order_.size() > max_) {
      by_key_.erase(key_of(order_.back().tenant, order_.back().id));
      order_.pop_back();
    }
  }

  const std::size_t max_;
  Mutex mutex_;
  std::uint64_t epoch_ RB_GUARDED_BY(mutex_) = 0;
  std::list<action::Action> order_ RB_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::list<action::Action>::iterator> by_key_
      RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
