// Work that blocks: what changes settings waits for the disk and for slow hashes, what reads the
// audit reads much. It is done one after the other, on a thread that serves no calls.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "base/work_pool.h"

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
  explicit BackgroundThread(std::size_t waiting_max) : pool_(1, waiting_max) {}
  bool post(std::function<void()> work) override { return pool_.post(std::move(work)); }
  // Does what waits, then ends; takes nothing more. Not from work.
  void close() { pool_.close(); }

 private:
  WorkPool pool_;
};

}  // namespace reachback::server
