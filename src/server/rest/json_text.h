// Writes compact JSON text straight into a string; the answers of the API are made with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace reachback::server::rest {

// Appends `text` as a JSON string, with its quotes.
void append_json_string(std::string& out, std::string_view text);

// One JSON object, keys in the order of the calls. Call close() once at the end.
class ObjectText {
 public:
  explicit ObjectText(std::string& out) : out_(out) { out_ += '{'; }
  // Of the keys that follow, only these are written; null: all. Borrowed.
  void keep_only(const std::vector<std::string_view>* keys) { kept_ = keys; }
  ObjectText(const ObjectText&) = delete;
  ObjectText& operator=(const ObjectText&) = delete;

  ObjectText& text(std::string_view key, std::string_view value);
  ObjectText& text_or_null(std::string_view key, const std::optional<std::string>& value);
  // null when empty.
  ObjectText& text_if_any(std::string_view key, std::string_view value);
  ObjectText& time(std::string_view key, Timestamp value);
  ObjectText& time_or_null(std::string_view key, const std::optional<Timestamp>& value);
  ObjectText& number(std::string_view key, std::int64_t value);
  ObjectText& boolean(std::string_view key, bool value);
  ObjectText& null(std::string_view key);
  // Writes the key; the caller appends the value to what is returned, before the next call.
  std::string& value(std::string_view key);
  void close() { out_ += '}'; }

 private:
  std::string& out_;
  std::string dropped_;  // takes the value of a key that is not kept
  const std::vector<std::string_view>* kept_ = nullptr;
  bool first_ = true;
};

}  // namespace reachback::server::rest
