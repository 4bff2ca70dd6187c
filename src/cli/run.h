// The parts of `run` that have no side effects, and what it does on one of several machines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/fleet.h"
#include "cli/script_output.h"

namespace reachback::cli {

// The script's code when it ended by itself, which is when its command is Completed; else 126. The
// code of a script that was killed says nothing.
int exit_status(std::string_view command_status, std::optional<std::int64_t> exit_code);

// The same of the command at `index`, whose result this is, or none.
int exit_status(const Fields& action, int index, const std::optional<ScriptResult>& result);

// The body of runliveresponse: the files to put, then the script. The words of args are joined so
// that the agent's split gives them back.
std::string run_script_body(const RunOptions& options);

// Runs it on several; with an output folder, results go there.
Result<int> run_on_many(Api& api, const Terminal& terminal, const RunOptions& options);

// What an action that did not succeed says: "Failed: the command's error".
std::string describe_failure(const Fields& action);

}  // namespace reachback::cli
