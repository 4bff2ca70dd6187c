#include "server/rest/rate_limiter.h"

#include <algorithm>

namespace reachback::server::rest {

std::optional<Duration> RateLimiter::decide(std::string_view key, std::span<const Window> windows,
                                            Duration now) {
  MutexLock lock(mutex_);
  auto wait = wait_locked(key, windows, now);
  if (!wait) {
    record_locked(key, windows, now);
  }
  return wait;
}

std::optional<Duration> RateLimiter::peek(std::string_view key, std::span<const Window> windows,
                                          Duration now) {
  MutexLock lock(mutex_);
  return wait_locked(key, windows, now);
}

void RateLimiter::record(std::string_view key, std::span<const Window> windows, Duration now) {
  MutexLock lock(mutex_);
  record_locked(key, windows, now);
}

std::size_t RateLimiter::keys() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

std::size_t RateLimiter::times_kept() const {
  MutexLock lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [key, entry] : entries_) {
    sum += entry.times.size();
  }
  return sum;
}

std::optional<Duration> RateLimiter::wait_locked(std::string_view key,
                                                 std::span<const Window> windows, Duration now) {
  auto found = entries_.find(std::string(key));
  if (found == entries_.end()) {
    return std::nullopt;
  }
  const std::deque<Duration>& times = found->second.times;
  std::optional<Duration> wait;
  for (const Window& window : windows) {
    if (times.size() < window.calls) {
      continue;
    }
    // The oldest of the last `calls` calls: once it leaves the window there is room again.
    Duration frees = times[times.size() - window.calls] + window.length;
    if (frees > now) {
      wait = std::max(wait.value_or(Duration::zero()), frees - now);
    }
  }
  return wait;
}

void RateLimiter::record_locked(std::string_view key, std::span<const Window> windows,
                                Duration now) {
  auto found = entries_.find(std::string(key));
  if (found == entries_.end()) {
    if (entries_.size() >= keys_max_) {
      entries_.erase(by_age_.front());
      by_age_.pop_front();
    }
    found = entries_.emplace(std::string(key), Entry{}).first;
    found->second.age = by_age_.insert(by_age_.end(), found->first);
  } else {
    by_age_.splice(by_age_.end(), by_age_, found->second.age);
  }
  std::size_t keep = 1;
  Duration longest{};
  for (const Window& window : windows) {
    keep = std::max<std::size_t>(keep, window.calls);
    longest = std::max(longest, window.length);
  }
  std::deque<Duration>& times = found->second.times;
  // What has left every window decides nothing any more, however many calls the windows allow.
  while (!times.empty() && (times.size() >= keep || times.front() + longest <= now)) {
    times.pop_front();
  }
  times.push_back(now);
}

}  // namespace reachback::server::rest
