#include "base/guarded_clocks.h"

#include <algorithm>

#include "base/log.h"
#include "base/variant.h"

namespace reachback {
namespace {
// Long enough for the clamp to have whole microseconds to give, short beside any deadline.
constexpr Duration kAnchorEvery = std::chrono::seconds(1);
constexpr Duration kTold = std::chrono::seconds(5);  // Source: trust.md F26
}  // namespace

SlewedClock::SlewedClock(const Clock& machine)
    : machine_(machine),
      anchor_boot_(machine.since_boot()),
      anchor_(machine.now()),
      latest_(anchor_) {}

Timestamp SlewedClock::now() const {
  if (RB_VARIANT("clock_jump")) {
    return machine_.now();
  }
  MutexLock lock(mutex_);
  const Duration boot = machine_.since_boot();
  const Timestamp wall = machine_.now();
  const Duration passed = std::max(boot - anchor_boot_, Duration(0));
  const Duration room = passed * kSlewPerCent / 100;
  const Timestamp straight = anchor_ + passed;
  const Timestamp shown = std::clamp(wall, straight - room, straight + room);
  latest_ = std::max(latest_, shown);
  if (passed >= kAnchorEvery) {
    begin_anew(boot, shown, wall);
  }
  return latest_;
}

void SlewedClock::begin_anew(Duration boot, Timestamp shown, Timestamp wall) const {
  anchor_boot_ = boot;
  anchor_ = shown;
  const Duration off = wall - shown;
  if (std::chrono::abs(off - told_) <= kTold) {
    return;
  }
  // Said again only when it moved by as much: a jump is one line, the way back a few.
  if (std::chrono::abs(off) > std::chrono::abs(told_)) {
    const double seconds = std::chrono::duration<double>(off - told_).count();
    log_warning(
        "the machine's clock jumped; deadlines go on as before and follow it slowly. To "
        "take it over at once, restart the server while no action is in progress",
        {field("seconds", seconds), field("clock", format_time(wall))});
  }
  told_ = off;
}

LatestClock::LatestClock(const Clock& machine)
    : machine_(machine), anchor_boot_(machine.since_boot()), anchor_(machine.now()) {}

Timestamp LatestClock::now() const {
  MutexLock lock(mutex_);
  const Duration boot = std::max(machine_.since_boot(), anchor_boot_);
  anchor_ = std::max(anchor_ + (boot - anchor_boot_), machine_.now());
  anchor_boot_ = boot;
  return anchor_;
}

}  // namespace reachback
