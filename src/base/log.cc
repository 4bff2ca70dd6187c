#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/bytes.h"
#include "base/time.h"

namespace reachback {
namespace {

std::atomic<LogLevel> minimum{LogLevel::info};

std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
    case LogLevel::off:
      return "error";
  }
  return "error";
}

}  // namespace

std::string escape_log_value(std::string_view text) {
  bool utf8 = is_valid_utf8(text);
  bool quote = text.empty();
  std::string out;
  for (char c : text) {
    auto b = static_cast<unsigned char>(c);
    if (b < 0x20 || b == 0x7f || (b >= 0x80 && !utf8)) {
      out += fmt::format("\\x{:02x}", b);
      quote = true;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      quote = true;
    } else {
      quote = quote || c == ' ' || c == '=' || b >= 0x80;
      out += c;
    }
  }
  return quote ? "\"" + out + "\"" : out;
}

void set_log_level(LogLevel level) {
  minimum = level;
}

void log_line(LogLevel level, std::string_view what, std::initializer_list<LogField> fields) {
  if (level < minimum.load(std::memory_order_relaxed)) {
    return;
  }
  auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  std::string line = fmt::format("{} {} {}", format_time(now), name(level), what);
  for (const LogField& f : fields) {
    line += fmt::format(" {}={}", f.key, escape_log_value(f.value));
  }
  line += '\n';
  // One write a line: lines of several threads do not mix. A full or closed stderr must not stop
  // the program.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace reachback
