// What may stand next on a command line.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/manual.h"

namespace reachback::cli {

// What only the server knows: the candidates for a word of that kind ("MACHINE", "SCRIPT", "NAME",
// "TAG", "ID"). Empty when it does not answer.
using AskServer = std::function<std::vector<std::string>(const std::string& kind)>;

// The candidates for the last of `words`, which may be empty, in order. "@files": file names, which
// the shell knows better. Pure but for `ask`, which is called at most twice.
std::vector<std::string> complete(const CommandManual& program,
                                  const std::vector<std::string>& words, const AskServer& ask);

// The script for a shell: bash, zsh or fish.
std::string completion_script(const std::string& shell);

}  // namespace reachback::cli
