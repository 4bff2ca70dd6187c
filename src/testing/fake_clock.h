// A clock that stands until it is moved.
#pragma once

#include <atomic>

#include "base/time.h"

namespace reachback::testing {

// Thread-safe. Begins at 2026-01-01T00:00:00Z, one hour after boot.
class FakeClock : public Clock {
 public:
  explicit FakeClock(Timestamp now = from_micros(1'767'225'600'000'000))
      : now_us_(to_micros(now)) {}
  Timestamp now() const override { return from_micros(now_us_); }
  Duration since_boot() const override { return Duration(boot_us_.load()); }
  // Time passes: both clocks move. `by` is not negative.
  void advance(Duration by) {
    now_us_ += by.count();
    boot_us_ += by.count();
  }
  // Somebody sets the wall clock, forward or back; time since boot stays.
  void set_wall(Timestamp now) { now_us_ = to_micros(now); }
  // The machine was restarted: time since boot begins anew.
  void reboot() { boot_us_ = 0; }

 private:
  std::atomic<std::int64_t> now_us_;
  std::atomic<std::int64_t> boot_us_{3'600'000'000};
};

}  // namespace reachback::testing
