// One row of what a built-in command tells: a JSON object on a line of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/time.h"

namespace reachback::agent::builtin {

// Properties stand in the order in which they are added. An optional without a value is null:
// unknown. Bytes of text that are no UTF-8 become U+FFFD.
class Row {
 public:
  template <typename T>
  Row& add(std::string_view name, const T& value) {
    text_ += text_.size() == 1 ? "\"" : ",\"";
    text_ += name;
    text_ += "\":";
    write(value);
    return *this;
  }
  // The object, with the end of its line.
  std::string line() const { return text_ + "}\n"; }

 private:
  template <typename T>
  void write(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      text_ += value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, double>) {
      write_real(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      text_ += std::to_string(value);
    } else if constexpr (std::is_same_v<T, Timestamp>) {
      write_text(format_time(value));
    } else if constexpr (std::is_convertible_v<T, std::string_view>) {
      write_text(value);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      write_list(value);
    } else if constexpr (std::is_same_v<T, std::nullopt_t>) {
      text_ += "null";
    } else {
      write_optional(value);
    }
  }
  template <typename T>
  void write_optional(const T& value) {
    if (value) {
      write(*value);
    } else {
      text_ += "null";
    }
  }
  void write_text(std::string_view text);
  void write_list(const std::vector<std::string>& texts);
  void write_real(double value);  // with two digits behind the point

  std::string text_ = "{";
};

}  // namespace reachback::agent::builtin
