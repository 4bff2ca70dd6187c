// The commands of an interactive session that the agent does itself, without a shell and without a
// program of the machine: api/interactive.json names them ("by": "agent"). One of them is one
// process, this program once more, as GetFile's reader is (docs/adr/0009): what hangs or takes long
// can be ended, and the supervisor answers meanwhile.
//
// Standard output has one JSON object a line, a row, its properties in the order of the command's
// columns and then further ones; standard error one line "<Word>: <path>: <why>" for each thing
// that went wrong (NotFound, NotAFolder, NotAllowed, ReadFailed, InvalidInput, Unsupported). Exit
// code 0: what was asked for was answered, if in part; 1: it was not. Linux only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/ports/process.h"
#include "base/ids.h"

namespace reachback::agent {

struct BuiltInOrder {
  // The command's name, then "name=value" for each parameter ("name=true" for a switch).
  std::vector<std::string> words;
  std::string folder;              // current folder, absolute
  std::vector<std::string> roots;  // of the policy, real paths; empty: everywhere
};

// The process that does it: `reachback-agent built-in --folder=… [--root=…]… [--] WORD…`.
inline constexpr const char* kBuiltInCommand = "built-in";
int run_built_in(int argc, char** argv);

// How it is started. output_bytes_max: of each stream, what is kept of it.
ProcessSpec built_in_process(const BuiltInOrder& order, std::uint64_t output_bytes_max,
                             const ActionId& action, std::uint32_t index);

// The commands' names, sorted; the names of a command's parameters, in its own order.
std::vector<std::string> built_in_names();
std::vector<std::string> built_in_parameters(std::string_view name);

// Does it in this process. root: the folder that is / ; "": the machine's own. rows, notes: get
// whole lines, as above. Returns the exit code.
int do_built_in(const BuiltInOrder& order, const std::string& root,
                const std::function<void(std::string_view)>& rows,
                const std::function<void(std::string_view)>& notes);

}  // namespace reachback::agent
