// Work that blocks: what changes settings waits for the disk and for slow hashes, what reads the
// audit reads much. It is done one after the other, on a thread that serves no calls.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace reachback::server {

// Any thread.
class Background {
 public:
  virtual ~Background() = default;
  // Runs `work`, later. False: so much waits already that this will not be run.
  virtual bool post(std::function<void()> work) = 0;
};

class BackgroundThread : public Background {
 public:
  explicit BackgroundThread(std::size_t waiting_max);
  ~BackgroundThread() override;  // close()
  bool post(std::function<void()> work) override;
  // Does what waits, then ends; takes nothing more. Not from work. Again: no effect.
  void close();

 private:
  void run();

  const std::size_t waiting_max_;
  Mutex mutex_;
  Condition wake_;
  std::deque<std::function<void()>> waiting_ RB_GUARDED_BY(mutex_);
  bool closing_ RB_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace reachback::server
