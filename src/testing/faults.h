// What a fake port is told to do wrong. Thread-safe; each fake holds one.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"

namespace reachback::testing {

class Faults {
 public:
  Faults() = default;
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  // The next `count` calls answer `error` and do nothing.
  void fail_next(Error error, int count = 1) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
    failing_ = count;
  }
  // The next `count` writes are done and answer unavailable all the same: an outcome unknown to the
  // caller (trust.md F04).
  void lose_next_replies(int count = 1) {
    MutexLock lock(mutex_);
    losing_ = count;
  }
  // From now on `done`s wait for deliver() or release(); what they tell of is done at once.
  void hold() {
    MutexLock lock(mutex_);
    holding_ = true;
  }
  std::size_t held() const {
    MutexLock lock(mutex_);
    return held_.size();
  }
  // Calls one that waits; `at` 0 is the oldest. False: there is none.
  bool deliver(std::size_t at = 0) {
    std::function<void()> call;
    {
      MutexLock lock(mutex_);
      if (at >= held_.size()) {
        return false;
      }
      call = std::move(held_[at]);
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    call();
    return true;
  }
  // Calls all that wait and those that come meanwhile; nothing waits after that.
  void release() {
    {
      MutexLock lock(mutex_);
      holding_ = false;
    }
    while (deliver()) {
    }
  }

  // ---- for the fakes
  // Set: the call must answer this and do nothing.
  std::optional<Error> refusal() {
    MutexLock lock(mutex_);
    if (failing_ == 0) {
      return std::nullopt;
    }
    --failing_;
    return error_;
  }
  template <typename T>
  void answer_read(Done<T> done, Result<T> result) {
    {
      MutexLock lock(mutex_);
      if (holding_) {
        held_.push_back([done = std::move(done), result = std::move(result)] { done(result); });
        return;
      }
    }
    done(std::move(result));
  }
  template <typename T>
  void answer_write(Done<T> done, Result<T> result) {
    {
      MutexLock lock(mutex_);
      if (losing_ > 0) {
        --losing_;
        result = Error{Errc::unavailable, "the reply was lost (injected)"};
      }
    }
    answer_read(std::move(done), std::move(result));
  }

 private:
  mutable Mutex mutex_;
  Error error_ RB_GUARDED_BY(mutex_);
  int failing_ RB_GUARDED_BY(mutex_) = 0;
  int losing_ RB_GUARDED_BY(mutex_) = 0;
  bool holding_ RB_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> held_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::testing
