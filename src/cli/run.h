// The parts of `run` that have no side effects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"

namespace reachback::cli {

// The script's code when it ended by itself, which is when its command is Completed; else 126. The
// code of a script that was killed says nothing.
int exit_status(std::string_view command_status, std::optional<std::int64_t> exit_code);

// The body of runliveresponse: the files to put, then the script. The words of args are joined so
// that the agent's split gives them back.
std::string run_script_body(const RunOptions& options);

}  // namespace reachback::cli
