#include "server/rest/json_text.h"

#include <algorithm>

#include "json/json.h"

namespace reachback::server::rest {

void append_json_string(std::string& out, std::string_view text) {
  bool plain = std::all_of(text.begin(), text.end(),
                           [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain) {
    out += json::quote(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string& ObjectText::value(std::string_view key) {
  if (kept_ != nullptr && std::find(kept_->begin(), kept_->end(), key) == kept_->end()) {
    dropped_.clear();
    return dropped_;
  }
  if (!first_) {
    out_ += ',';
  }
  first_ = false;
  append_json_string(out_, key);
  out_ += ':';
  return out_;
}

ObjectText& ObjectText::text(std::string_view key, std::string_view text) {
  append_json_string(value(key), text);
  return *this;
}

ObjectText& ObjectText::text_or_null(std::string_view key, const std::optional<std::string>& text) {
  if (!text) {
    return null(key);
  }
  return this->text(key, *text);
}

ObjectText& ObjectText::text_if_any(std::string_view key, std::string_view text) {
  return text.empty() ? null(key) : this->text(key, text);
}

ObjectText& ObjectText::time(std::string_view key, Timestamp at) {
  return text(key, format_time(at));
}

ObjectText& ObjectText::time_or_null(std::string_view key, const std::optional<Timestamp>& at) {
  return at ? time(key, *at) : null(key);
}

ObjectText& ObjectText::number(std::string_view key, std::int64_t number) {
  value(key) += std::to_string(number);
  return *this;
}

ObjectText& ObjectText::boolean(std::string_view key, bool yes) {
  value(key) += yes ? "true" : "false";
  return *this;
}

ObjectText& ObjectText::null(std::string_view key) {
  value(key) += "null";
  return *this;
}

}  // namespace reachback::server::rest
