// Reads server-sent events as they arrive (WHATWG HTML §9.2.6). Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::cli {

struct ServerEvent {
  std::string id;    // of the newest event that had one
  std::string type;  // "message" when the stream names none
  std::string data;
};

class EventReader {
 public:
  static constexpr std::size_t kEventBytesMax = 1 << 20;
  // false ends the reading: feed() fails with timed_out.
  using Sink = std::function<bool(const ServerEvent&)>;
  explicit EventReader(Sink sink) : sink_(std::move(sink)) {}

  // Pieces are cut anywhere. Errors: protocol (a line or an event over a mebibyte).
  Result<void> feed(std::string_view piece);
  // A new connection: what was begun is dropped, the last id stays.
  void restart();

  const std::string& last_id() const { return last_id_; }
  std::optional<int> retry_ms() const { return retry_ms_; }  // the server's wish, at most a minute

 private:
  Result<void> take_line(std::string_view line);
  Result<void> dispatch();

  Sink sink_;
  std::string line_;  // as much as came of it
  bool after_cr_ = false;
  bool is_first_line_ = true;
  std::string last_id_, id_, type_, data_;
  bool has_data_ = false;
  std::optional<int> retry_ms_;
};

}  // namespace reachback::cli
