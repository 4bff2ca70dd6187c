// Points and lengths of time, and the clock that hands them out.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reachback {

using Duration = std::chrono::microseconds;
// UTC, microseconds since 1970.
using Timestamp = std::chrono::sys_time<Duration>;

// "2021-02-04T15:36:52.778884Z": UTC, up to six fractional digits, trailing zeros trimmed, no point
// when there are none. Source: MDE's dates carry up to seven; readers take any number.
std::string format_time(Timestamp t);
// "2021-02-04T16:13:50Z": whole seconds, the form of a SAS expiry. Rounds down.
std::string format_time_seconds(Timestamp t);
// Accepts exactly what format_time writes (up to seven digits, the seventh is dropped). nullopt:
// anything else.
std::optional<Timestamp> parse_time(std::string_view text);

inline std::int64_t to_micros(Timestamp t) {
  return t.time_since_epoch().count();
}
inline Timestamp from_micros(std::int64_t us) {
  return Timestamp(Duration(us));
}

// Where "now" comes from, so that tests and the simulator can move it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time: for what people read and for deadlines that must survive a restart.
  virtual Timestamp now() const = 0;
  // Time since boot, counting suspend (CLOCK_BOOTTIME): for windows and time-outs. Never goes back.
  virtual Duration since_boot() const = 0;
};

// The machine's clock. In builds with test hooks it can be moved: advance() as if time had passed,
// set_off() as if somebody had set the wall clock, to be so far ahead of the truth (or behind it);
// REACHBACK_CLOCK_OFFSET_MS in the environment does the latter from the start.
class SystemClock : public Clock {
 public:
  SystemClock();
  Timestamp now() const override;
  Duration since_boot() const override;
  // No effect without test hooks.
  void advance(Duration by);
  void set_off(Duration by);

 private:
  std::atomic<std::int64_t> off_us_{0};
  std::atomic<std::int64_t> passed_us_{0};
};

}  // namespace reachback
