// Counts calls per key in exact sliding windows.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "base/time.h"

namespace reachback::server::rest {

// At most `calls` in any stretch of `length`.
struct Window {
  std::uint32_t calls = 0;
  Duration length{};
};

// Exact, because it keeps the time of each counted call. Memory is bounded: `keys_max` keys, each
// with as many times as its largest window counts and none older than its longest; when full, the
// key that was idle longest is forgotten. `now` is time since boot and comes in, so the answer
// depends on the arguments and earlier calls only. Thread-safe.
class RateLimiter {
 public:
  explicit RateLimiter(std::size_t keys_max) : keys_max_(keys_max) {}

  // nullopt: allowed, and counted. Else: how long until the next call is allowed; a refused call is
  // not counted.
  std::optional<Duration> decide(std::string_view key, std::span<const Window> windows,
                                 Duration now);
  // As decide(), but counts nothing.
  std::optional<Duration> peek(std::string_view key, std::span<const Window> windows, Duration now);
  // Counts a call without asking.
  void record(std::string_view key, std::span<const Window> windows, Duration now);

  std::size_t keys() const;
  std::size_t times_kept() const;  // of all keys

 private:
  struct Entry {
    std::deque<Duration> times;  // oldest first
    std::list<std::string>::iterator age;
  };
  std::optional<Duration> wait_locked(std::string_view key, std::span<const Window> windows,
                                      Duration now) RB_REQUIRES(mutex_);
  void record_locked(std::string_view key, std::span<const Window> windows, Duration now)
      RB_REQUIRES(mutex_);

  const std::size_t keys_max_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Entry> entries_ RB_GUARDED_BY(mutex_);
  std::list<std::string> by_age_ RB_GUARDED_BY(mutex_);  // idle longest first
};

}  // namespace reachback::server::rest
