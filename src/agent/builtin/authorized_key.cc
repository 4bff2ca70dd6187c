#include "agent/builtin/authorized_key.h"

#include <algorithm>
#include <optional>

#include "agent/builtin/text.h"

namespace reachback::agent::builtin {
namespace {

// A type and a key: its first four bytes are the length of the type's name, a small number, and
// "AAAA" in base64.
bool begins_with_key(std::string_view text) {
  constexpr std::string_view kKeyBegins = "AAAA";
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  return text.substr(0, end).find('"') == std::string_view::npos &&
         trimmed(text.substr(end)).starts_with(kKeyBegins);
}

// Where the options that a line begins with are over.
std::size_t options_end(std::string_view line) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && line.substr(i + 1).starts_with('"')) {
      ++i;
    } else if (line[i] == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (line[i] == ' ' || line[i] == '\t')) {
      return i;
    }
  }
  return line.size();
}

}  // namespace

std::string detail_of_key(std::string_view line) {
  std::string_view options;
  std::string_view key = line;
  if (!begins_with_key(line)) {
    options = line.substr(0, options_end(line));
    key = trimmed(line.substr(options.size()));
    if (!begins_with_key(key)) {
      return "not understood";
    }
  }
  const auto words = words_of(key);
  std::string detail(words[0]);
  for (std::size_t i = 2; i < words.size(); ++i) {
    detail += " " + std::string(words[i]);
  }
  return detail + (options.empty() ? "" : " (" + std::string(options) + ")");
}

}  // namespace reachback::agent::builtin
