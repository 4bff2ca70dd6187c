// Two readings of a machine's clocks that a wall clock set forward or back cannot mislead. Each
// counts from its making; what happened to the wall clock before, or while the process did not run,
// it cannot know. Source of the fault: trust.md F26.
#pragma once

#include "base/mutex.h"
#include "base/time.h"

namespace reachback {

// For deadlines, which must come neither early nor late: the wall clock, followed at no more than
// kSlewPerCent off the true rate. An NTP slew is followed at once, a jump over minutes to days; one
// of more than five seconds is logged. now() never goes back. Thread-safe.
//
// A length measured by it is off by kSlewPerCent at most: less than the margin of an action's
// window (2 % and 60 s; action::window_margin).
class SlewedClock : public Clock {
 public:
  static constexpr int kSlewPerCent = 1;

  explicit SlewedClock(const Clock& machine);
  Timestamp now() const override;
  Duration since_boot() const override { return machine_.since_boot(); }

 private:
  void begin_anew(Duration boot, Timestamp shown, Timestamp wall) const RB_REQUIRES(mutex_);

  const Clock& machine_;
  mutable Mutex mutex_;
  mutable Duration anchor_boot_ RB_GUARDED_BY(mutex_);
  mutable Timestamp anchor_ RB_GUARDED_BY(mutex_);  // what it showed at anchor_boot_
  mutable Timestamp latest_ RB_GUARDED_BY(mutex_);
  mutable Duration told_
      RB_GUARDED_BY(mutex_){};  // how far off the wall clock was when that was last said
};

// For what must never live too long (links): goes forward with the wall clock, and with the time
// since boot where the wall clock was set back. Thread-safe.
class LatestClock : public Clock {
 public:
  explicit LatestClock(const Clock& machine);
  Timestamp now() const override;
  Duration since_boot() const override { return machine_.since_boot(); }

 private:
  const Clock& machine_;
  mutable Mutex mutex_;
  mutable Duration anchor_boot_ RB_GUARDED_BY(mutex_);
  mutable Timestamp anchor_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback
