#include "base/time.h"

#include <fmt/format.h>
#include <time.h>

#include <charconv>
#include <cstdlib>

namespace reachback {
namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::string format_time_seconds(Timestamp t) {
  auto day = std::chrono::floor<std::chrono::days>(t);
  std::chrono::year_month_day ymd(day);
  std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(t) - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(ymd.year()),
                     static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::string format_time(Timestamp t) {
  std::string text = format_time_seconds(t);
  auto fraction = (t - std::chrono::floor<std::chrono::seconds>(t)).count();
  if (fraction == 0) {
    return text;
  }
  std::string tail = fmt::format(".{:06}", fraction);
  while (tail.back() == '0') {
    tail.pop_back();
  }
  text.pop_back();
  return text + tail + "Z";
}

std::optional<Timestamp> parse_time(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 ||
      *second > 59) {
    return std::nullopt;
  }
  const std::chrono::year_month_day ymd{std::chrono::year{*year},
                                        std::chrono::month{static_cast<unsigned>(*month)},
                                        std::chrono::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok()) {
    return std::nullopt;
  }
  std::int64_t micros = 0;
  if (text.size() > 20) {
    std::size_t count = text.size() - 21;
    if (text[19] != '.' || count == 0 || count > 7) {
      return std::nullopt;
    }
    auto fraction = digits(text, 20, count);
    if (!fraction) {
      return std::nullopt;
    }
    std::int64_t ticks = *fraction;  // tenths of microseconds
    for (std::size_t i = count; i < 7; ++i) {
      ticks *= 10;
    }
    micros = ticks / 10;
  }
  return Timestamp(std::chrono::sys_days{ymd}) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second) + Duration(micros);
}

SystemClock::SystemClock() {
#ifdef REACHBACK_TEST_HOOKS
  if (const char* offset = std::getenv("REACHBACK_CLOCK_OFFSET_MS")) {
    std::int64_t offset_ms = 0;
    std::from_chars(offset, offset + std::char_traits<char>::length(offset), offset_ms);
    set_off(std::chrono::milliseconds(offset_ms));
  }
#endif
}

Timestamp SystemClock::now() const {
  auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  return now + Duration(passed_us_.load(std::memory_order_relaxed) +
                        off_us_.load(std::memory_order_relaxed));
}

Duration SystemClock::since_boot() const {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return std::chrono::seconds(ts.tv_sec) +
         std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(ts.tv_nsec)) +
         Duration(passed_us_.load(std::memory_order_relaxed));
}

void SystemClock::advance([[maybe_unused]] Duration by) {
#ifdef REACHBACK_TEST_HOOKS
  passed_us_.fetch_add(by.count(), std::memory_order_relaxed);
#endif
}

void SystemClock::set_off([[maybe_unused]] Duration by) {
#ifdef REACHBACK_TEST_HOOKS
  off_us_.store(by.count(), std::memory_order_relaxed);
#endif
}

}  // namespace reachback
