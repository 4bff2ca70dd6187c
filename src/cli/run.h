// The parts of `run` that have no side effects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reachback::cli {

// The script's code when it ended by itself; 126 when there is none, or when the action failed
// although the script said 0.
int exit_status(bool succeeded, std::optional<std::int64_t> exit_code);

// The body of runliveresponse. The words of args are joined so that the agent's split gives them
// back.
std::string run_script_body(const std::string& script, const std::vector<std::string>& args,
                            const std::string& comment);

}  // namespace reachback::cli
