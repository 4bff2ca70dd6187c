#include "agent/builtin/udev_rules.h"

#include <algorithm>

#include "agent/builtin/text.h"

namespace reachback::agent::builtin {
namespace {

// Where the value that begins behind this quote ends, its last quote included. One that does not
// end is all of the line. In e"…" a backslash is of what follows it, else only of a quote.
std::size_t value_end(std::string_view line, std::size_t quote) {
  const bool has_escapes = quote > 0 && line[quote - 1] == 'e';
  for (std::size_t i = quote + 1; i < line.size(); ++i) {
    if (line[i] == '\\' && (has_escapes || line.substr(i + 1).starts_with('"'))) {
      ++i;
    } else if (line[i] == '"') {
      return i + 1;
    }
  }
  return line.size();
}

bool runs_something(std::string_view key) {
  return key == "RUN" || key.starts_with("RUN{") || key == "PROGRAM" || key == "IMPORT{program}";
}

void add_programs(std::string_view rule, std::vector<std::string>& programs) {
  constexpr std::string_view kBetween = " \t\r,";
  constexpr std::string_view kBehindKey = " \t=+-!:\"";
  while (true) {
    rule.remove_prefix(std::min(rule.find_first_not_of(kBetween), rule.size()));
    const auto quote = rule.find('"');
    if (quote == std::string_view::npos) {
      return;
    }
    const auto end = value_end(rule, quote);
    if (runs_something(rule.substr(0, rule.find_first_of(kBehindKey)))) {
      programs.emplace_back(rule.substr(0, end));
    }
    rule.remove_prefix(end);
  }
}

}  // namespace

std::vector<std::string> programs_of_udev_rules(std::string_view text) {
  std::vector<std::string> programs;
  std::string rule;  // of lines that are continued
  for_each_line(text, [&](std::size_t, std::string_view raw) {
    const auto line = trimmed(raw);
    if (line.starts_with('#')) {
      return;  // also between the lines of one that is continued
    }
    rule += line;
    if (line.ends_with('\\')) {
      rule.pop_back();
      return;
    }
    add_programs(rule, programs);
    rule.clear();
  });
  add_programs(rule, programs);
  return programs;
}

}  // namespace reachback::agent::builtin
