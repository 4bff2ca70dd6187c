#include "server/blob_http/disposition.h"

#include <algorithm>

#include "base/bytes.h"
#include "server/blob_fs/blob_record.h"

namespace reachback::server {
namespace {

bool is_control(char c) {
  return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f;
}

void skip_blanks(std::string_view& text) {
  while (text.starts_with(' ') || text.starts_with('\t')) {
    text.remove_prefix(1);
  }
}

std::string_view take_token(std::string_view& text) {
  constexpr std::string_view kSeparators = "()<>@,;:\\\"/[]?={} \t";
  auto end = std::min(text.find_first_of(kSeparators), text.size());
  std::string_view token = text.substr(0, end);
  text.remove_prefix(end);
  return token;
}

std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    std::string_view token = take_token(text);
    return token.empty() ? std::nullopt : std::optional<std::string>(token);
  }
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] == '\\') {
      ++i;
      if (i == text.size()) {
        break;
      }
    }
    out += text[i];
  }
  return std::nullopt;
}

// RFC 8187: UTF-8'language'percent-encoded.
std::optional<std::string> decode_extended(std::string_view value) {
  auto first = value.find('\'');
  auto second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos || !equals_ignore_case(value.substr(0, first), "utf-8")) {
    return std::nullopt;
  }
  return percent_decode(value.substr(second + 1));
}

}  // namespace

std::optional<std::string> parse_disposition(std::string_view text) {
  if (!is_valid_utf8(text) || std::any_of(text.begin(), text.end(), is_control) ||
      take_token(text).empty()) {
    return std::nullopt;
  }
  std::optional<std::string> plain, extended;
  while (true) {
    skip_blanks(text);
    if (text.empty()) {
      break;
    }
    if (!text.starts_with(';')) {
      return std::nullopt;
    }
    text.remove_prefix(1);
    skip_blanks(text);
    std::string name = to_lower(take_token(text));
    if (name.empty() || !text.starts_with('=')) {
      return std::nullopt;
    }
    text.remove_prefix(1);
    auto value = take_value(text);
    if (value && name == "filename*") {
      value = decode_extended(*value);
    }
    if (!value) {
      return std::nullopt;
    }
    auto& slot = name == "filename*" ? extended : plain;
    if (name == "filename" || name == "filename*") {
      if (slot) {
        return std::nullopt;
      }
      slot = std::move(value);
    }
  }
  std::string out = extended ? *extended : plain.value_or("");
  if (out.size() > kFileNameBytesMax || !is_valid_utf8(out) ||
      std::any_of(out.begin(), out.end(), is_control)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace reachback::server
