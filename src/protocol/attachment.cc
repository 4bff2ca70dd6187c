#include "protocol/attachment.h"

#include <algorithm>

#include "base/bytes.h"

namespace reachback::protocol {
namespace {

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
}

std::string without_separators(std::string_view file_name) {
  std::string name(file_name);
  for (char& c : name) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '_';
    }
  }
  return name;
}

}  // namespace

std::string attachment(std::string_view file_name) {
  if (file_name.empty()) {
    return "attachment";
  }
  const std::string name = without_separators(file_name);
  std::string shown = name;
  std::replace_if(shown.begin(), shown.end(), [](char c) { return !is_plain(c); }, '_');
  std::string out = "attachment; filename=\"" + shown + "\"";
  if (shown != name) {
    out += "; filename*=UTF-8''" + percent_encode(name);
  }
  return out;
}

std::string download_name(std::string_view file_name, std::size_t bytes_max) {
  return std::string(cut_utf8(to_valid_utf8(without_separators(file_name)), bytes_max));
}

}  // namespace reachback::protocol
