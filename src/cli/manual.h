// The command line described: from one table come --help, the man page and the shells' completion.
// Pure.
#pragma once

#include <string>
#include <vector>

namespace reachback::cli {

struct OptionManual {
  std::vector<std::string> words;  // "-o", "--output"; empty for a word by its position
  std::string value;               // what it takes ("FILE", "MACHINE"); empty: nothing
  std::string help;
  bool repeats = false;
};
struct CommandManual {
  std::string name;      // "library upload"; empty for the program
  std::string synopsis;  // what follows the name
  std::string help;
  std::string notes;
  std::vector<OptionManual> words, options;
  std::vector<CommandManual> commands;
};

// Of the whole program.
CommandManual manual();
// nullptr: no such command. path: "library upload".
const CommandManual* find_command(const CommandManual& program, const std::string& path);

std::string help_text(const CommandManual& command);
// reachback.1, in man's macros.
std::string man_page(const CommandManual& program);

}  // namespace reachback::cli
