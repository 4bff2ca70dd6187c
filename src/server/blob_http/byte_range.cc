#include "server/blob_http/byte_range.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// Digits only; more than fits counts as kMax. nullopt: empty or not digits.
std::optional<std::uint64_t> digits(std::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
  }
  return value;
}

}  // namespace

ByteRange select_range(std::optional<std::string_view> header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const ByteRange whole{ByteRange::Kind::whole, 0, size};
  if (!header || !header->starts_with(kUnit)) {
    return whole;
  }
  std::string_view spec = trim_blanks(header->substr(kUnit.size()));
  auto dash = spec.find('-');
  if (dash == std::string_view::npos) {
    return whole;
  }
  auto first = digits(spec.substr(0, dash)), last = digits(spec.substr(dash + 1));
  if (dash == 0 && last) {  // the last n bytes
    std::uint64_t n = std::min(*last, size);
    return n == 0 ? ByteRange{ByteRange::Kind::unsatisfiable, 0, 0}
                  : ByteRange{ByteRange::Kind::part, size - n, n};
  }
  bool open_end = dash + 1 == spec.size();
  if (!first || (!last && !open_end) || (last && *last < *first)) {
    return whole;
  }
  if (*first >= size) {
    return {ByteRange::Kind::unsatisfiable, 0, 0};
  }
  std::uint64_t end = open_end ? size : std::min(*last, size - 1) + 1;
  return {ByteRange::Kind::part, *first, end - *first};
}

}  // namespace reachback::server
