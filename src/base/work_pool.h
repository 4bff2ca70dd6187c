// A few threads that do work which blocks, begun in the order of the calls.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace reachback {

// Thread-safe.
class WorkPool {
 public:
  explicit WorkPool(std::size_t threads, std::size_t queue_max = 16384);
  ~WorkPool() { close(); }
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;
  // false: the queue is full, or closed, and `work` was not taken.
  [[nodiscard]] bool post(std::function<void()> work);
  // Does what is still queued, then ends its threads. Not from work. Again: no effect.
  void close();

 private:
  void run();

  const std::size_t queue_max_;
  Mutex mutex_;
  Condition changed_;
  std::deque<std::function<void()>> queue_ RB_GUARDED_BY(mutex_);
  bool stopping_ RB_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace reachback
