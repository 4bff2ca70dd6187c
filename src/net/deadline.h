// Deadlines of connections. There may be a hundred thousand, and each is moved with every request,
// so moving one to a later time only stores the time: the queue looks again when the old one comes.
#pragma once

#include <chrono>
#include <functional>
#include <map>

#include "base/time.h"

namespace reachback::net {

class Loop;
class Deadline;
using DeadlineQueue = std::multimap<std::chrono::steady_clock::time_point, Deadline*>;

// Loop thread only. `expired` runs on the loop thread, once per set().
class Deadline {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Deadline(Loop& loop, std::function<void()> expired) : loop_(loop), expired_(std::move(expired)) {}
  ~Deadline() { leave_queue(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(Duration from_now);
  void clear() { at_ = Time::max(); }

  // Runs what is due and drops what was cleared.
  static void run_due(DeadlineQueue& queue, Time now);

 private:
  void leave_queue();

  Loop& loop_;
  std::function<void()> expired_;
  Time at_ = Time::max();
  DeadlineQueue::iterator entry_{};
  bool queued_ = false;
};

}  // namespace reachback::net
