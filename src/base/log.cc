#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <utility>

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

// Letters of a script that runs from right to left are text; what turns the direction or moves the
// cursor, and what a terminal takes for a command, would let a value rewrite its own line.
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
         c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

// The character at the front of valid UTF-8, and its bytes.
std::pair<char32_t, std::size_t> front_of(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t bytes = at(0) < 0x80 ? 1 : at(0) < 0xe0 ? 2 : at(0) < 0xf0 ? 3 : 4;
  char32_t c = bytes == 1 ? at(0) : at(0) & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    c = c << 6 | (at(i) & 0x3fu);
  }
  return {c, bytes};
}

}  // namespace

std::string escape_log_value(std::string_view text) {
  bool utf8 = is_valid_utf8(text);
  bool quote = text.empty();
  std::string out;
  while (!text.empty()) {
    const auto b = static_cast<unsigned char>(text[0]);
    const auto [c, bytes] = utf8 ? front_of(text) : std::pair<char32_t, std::size_t>(b, 1);
    if (b >= 0x80 ? !utf8 : is_control(c)) {
      out += fmt::format("\\x{:02x}", b);
    } else if (is_control(c)) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else {
      out += text.substr(0, bytes);
      quote = quote || c == ' ' || c == '=' || b >= 0x80;
      text.remove_prefix(bytes);
      continue;
    }
    quote = true;
    text.remove_prefix(bytes);
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
