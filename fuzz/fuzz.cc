#include "fuzz/fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace reachback::fuzz {

void broken(const char* property, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
  std::abort();
}

std::uint8_t Input::byte() {
  if (rest_.empty()) {
    return 0;
  }
  auto out = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return out;
}

std::string_view Input::line() {
  auto end = std::min(rest_.find('\n'), rest_.size());
  std::string_view out = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return out;
}

std::string_view Cuts::next() {
  state_ = state_ * 1664525 + 1013904223;
  std::size_t size =
      whole_ ? text_.size() : std::min<std::size_t>(1 + (state_ >> 24) % 19, text_.size());
  std::string_view out = text_.substr(0, size);
  text_.remove_prefix(size);
  return out;
}

}  // namespace reachback::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  reachback::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
