// How many live views are open, of each caller and in all. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"

namespace reachback::server::rest {

class OpenViews {
 public:
  // One view's place; given back when the last copy goes. The OpenViews must outlive it.
  using Place = std::shared_ptr<void>;

  // Null: the caller, or the server, has as many as it may have.
  Place enter(const std::string& caller, std::uint64_t of_caller_max, std::uint64_t all_max) {
    MutexLock lock(mutex_);
    std::uint64_t& its = by_caller_[caller];
    if (its >= of_caller_max || all_ >= all_max) {
      if (its == 0) {
        by_caller_.erase(caller);
      }
      return nullptr;
    }
    ++its;
    ++all_;
    return {static_cast<void*>(this), [this, caller](void*) { leave(caller); }};
  }

 private:
  void leave(const std::string& caller) {
    MutexLock lock(mutex_);
    --all_;
    auto its = by_caller_.find(caller);
    if (--its->second == 0) {
      by_caller_.erase(its);
    }
  }

  Mutex mutex_;
  std::map<std::string, std::uint64_t> by_caller_ RB_GUARDED_BY(mutex_);
  std::uint64_t all_ RB_GUARDED_BY(mutex_) = 0;
};

}  // namespace reachback::server::rest
