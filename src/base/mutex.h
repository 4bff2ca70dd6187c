// The standard locks with clang's thread-safety annotations: what a lock guards is said where it is
// declared, and `./dev build clang` refuses code that touches it without holding the lock. Other
// compilers see plain locks.
//
// A member says RB_GUARDED_BY(mutex_); a private function that is called with the lock held says
// RB_REQUIRES(mutex_). Locks are taken through the scoped classes below only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define RB_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define RB_THREAD_ATTRIBUTE(x)
#endif
#define RB_GUARDED_BY(lock) RB_THREAD_ATTRIBUTE(guarded_by(lock))
#define RB_REQUIRES(...) RB_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define RB_REQUIRES_SHARED(...) RB_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define RB_EXCLUDES(...) RB_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace reachback {

class RB_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() RB_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() RB_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds a Mutex from here to the end of the block; may be let go and taken again in between.
class RB_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) RB_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~MutexLock() RB_THREAD_ATTRIBUTE(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  void unlock() RB_THREAD_ATTRIBUTE(release_capability()) { lock_.unlock(); }
  void lock() RB_THREAD_ATTRIBUTE(acquire_capability()) { lock_.lock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

// Waits let the lock go meanwhile, which the analysis does not see: it takes it as held throughout,
// which is right before and after. Conditions are written as a loop around wait(), so that what
// they read is seen to be guarded.
class Condition {
 public:
  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  // False: `length` is over.
  bool wait_for(MutexLock& lock, std::chrono::steady_clock::duration length) {
    return condition_.wait_for(lock.lock_, length) == std::cv_status::no_timeout;
  }
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point end) {
    return condition_.wait_until(lock.lock_, end) == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

class RB_THREAD_ATTRIBUTE(capability("mutex")) SharedMutex {
 public:
  void lock() RB_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() RB_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  void lock_shared() RB_THREAD_ATTRIBUTE(acquire_shared_capability()) { mutex_.lock_shared(); }
  void unlock_shared() RB_THREAD_ATTRIBUTE(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class RB_THREAD_ATTRIBUTE(scoped_lockable) WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) RB_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : lock_(mutex) {}
  ~WriteLock() RB_THREAD_ATTRIBUTE(release_capability()) = default;

 private:
  std::scoped_lock<SharedMutex> lock_;
};

class RB_THREAD_ATTRIBUTE(scoped_lockable) ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) RB_THREAD_ATTRIBUTE(acquire_shared_capability(mutex))
      : lock_(mutex) {}
  ~ReadLock() RB_THREAD_ATTRIBUTE(release_generic_capability()) = default;

 private:
  std::shared_lock<SharedMutex> lock_;
};

}  // namespace reachback
