#include "cli/events.h"

#include <algorithm>
#include <charconv>

namespace reachback::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr int kRetryMax_ms = 60'000;

Error too_large() {
  return Error{Errc::protocol, "the server sent an event of more than a mebibyte"};
}

}  // namespace

Result<void> EventReader::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (after_cr_ && piece.front() == '\n') {  // CR LF ends one line
      piece.remove_prefix(1);
      after_cr_ = false;
      continue;
    }
    after_cr_ = false;
    const std::size_t end = piece.find_first_of("\r\n");
    const std::string_view part = piece.substr(0, end);
    if (line_.size() + part.size() > kEventBytesMax) {
      return too_large();
    }
    line_ += part;
    if (end == std::string_view::npos) {
      return {};
    }
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    RB_TRY(take_line(line));
  }
  return {};
}

Result<void> EventReader::take_line(std::string_view line) {
  if (std::exchange(is_first_line_, false) && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (line.empty()) {
    return dispatch();
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) {
    value.remove_prefix(1);
  }
  if (field == "data") {
    if (data_.size() + value.size() + 1 > kEventBytesMax) {
      return too_large();
    }
    data_ += has_data_ ? "\n" : "";
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "id") {
    // It goes into a header when the connection is made again.
    const bool is_sendable =
        std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (is_sendable && value.size() <= 1024) {
      id_ = value;
    }
  } else if (field == "retry") {
    int number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec == std::errc() && read.ptr == value.data() + value.size() && number >= 0) {
      retry_ms_ = std::min(number, kRetryMax_ms);
    }
  }
  return {};  // a comment, or a field of the future
}

Result<void> EventReader::dispatch() {
  last_id_ = id_;
  ServerEvent event{last_id_, type_.empty() ? "message" : std::exchange(type_, {}),
                    std::exchange(data_, {})};
  type_.clear();
  if (!std::exchange(has_data_, false)) {
    return {};
  }
  return sink_(event) ? Result<void>()
                      : Result<void>(Error{Errc::timed_out, "the reader has enough"});
}

void EventReader::restart() {
  line_.clear();
  type_.clear();
  data_.clear();
  id_ = last_id_;
  has_data_ = after_cr_ = false;
  is_first_line_ = true;
}

}  // namespace reachback::cli
