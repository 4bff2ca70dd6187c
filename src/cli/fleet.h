// The same on several machines: so many at a time, a line of progress each, a summary at the end.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/action.h"
#include "cli/arguments.h"
#include "cli/targets.h"

namespace reachback::cli {

// How it went on one machine.
struct MachineEnd {
  std::optional<ActionId> id;    // of its action, once there is one
  std::optional<Fields> action;  // as it ended
  std::optional<int> exit_code;  // of its script; 0 when a file is where it should be
  std::string why;               // without an exit code: the reason, one line
  std::string folder;            // where its results are; empty: nowhere
  std::string json;              // more members of its JSON, each with a comma before
  Fd result;                     // a script's, when it is to be printed
};

// One machine's share, on a thread of its own. tell: what it does now, for the board.
using FleetWork =
    std::function<Result<void>(Api& api, const Target& target, MachineEnd& end,
                               const std::function<void(const std::string& text)>& tell)>;

struct FleetCounts {
  std::size_t machines = 0, good = 0, non_zero = 0, not_ended = 0;
};
FleetCounts count(const std::vector<MachineEnd>& ends);
// 0 all went well, 1 scripts ended with other codes, 126 somewhere it did not get to the end.
int exit_status(const FleetCounts& counts);

// Prints {"machines":[…],"summary":{…}} with json, else the results and, on standard error, a
// summary. Errors: what keeps it from beginning, or from printing.
Result<int> run_fleet(Api& api, const Terminal& terminal, const ActionOptions& options,
                      const std::vector<Target>& targets, const FleetWork& work);

}  // namespace reachback::cli
