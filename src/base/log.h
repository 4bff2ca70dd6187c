// One line per event on standard error: time, level, what, then key=value fields. Thread-safe.
// Values come from outside too, so every field is escaped: no control character, quote or newline
// reaches the log raw. Secrets are never fields: they are held in base/secret.h's Secret, which has
// no text form.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace reachback {

enum class LogLevel { debug, info, warning, error, off };

struct LogField {
  std::string_view key;
  std::string value;
};

template <typename T>
LogField field(std::string_view key, const T& value) {
  return LogField{key, fmt::format("{}", value)};
}

void set_log_level(LogLevel level);
void log_line(LogLevel level, std::string_view what, std::initializer_list<LogField> fields = {});

inline void log_info(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::info, what, fields);
}
inline void log_warning(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::warning, what, fields);
}
inline void log_error(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::error, what, fields);
}
inline void log_debug(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::debug, what, fields);
}

// `text` in quotes where needed; quotes and backslashes with a backslash, ASCII controls and bytes
// that are not UTF-8 as \xNN, other controls and what turns the direction of text as \u{N}.
std::string escape_log_value(std::string_view text);

}  // namespace reachback
