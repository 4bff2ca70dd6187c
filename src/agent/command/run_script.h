// How a script of the library becomes a process: interpreter, arguments, environment. The bytes
// that run are those of a sealed memory file, never of a path.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/ports/process.h"
#include "base/ids.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

inline constexpr std::string_view kScriptPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What stands in front of the script in argv; [0] is the program.
struct Interpreter {
  std::vector<std::string> words;
  bool is_shell = false;    // sh and its kin: CRLF is turned into LF, a BOM is dropped
  bool needs_name = false;  // wants a path that ends in the script's extension (PowerShell)
};

// `#!` line (one argument at most, as the kernel reads it; a carriage return at its end is
// dropped), else the extension: .sh bash, .py python3, .pl perl, .ps1 pwsh, anything else bash.
// find_program: the absolute path of a program's name, or empty.
// Errors: not_found ("InterpreterNotFound: …").
Result<Interpreter> choose_interpreter(
    std::string_view first_bytes, std::string_view file_name,
    const std::function<std::string(const std::string&)>& find_program);
// The first executable of this name in kScriptPath, or empty.
std::string find_program(const std::string& name);

// Of every process that is started for a command; the last two tell whose it is.
std::vector<std::string> command_environment(const std::string& folder, const ActionId& action,
                                             std::uint32_t index);

// As it stands in CommandEnded.errors: DiskFull or CouldNotStart.
Error could_not_start(const Error& error);

struct PreparedScript {
  ProcessSpec spec;  // without the files of the streams
  Fd script;         // sealed; spec.script_fd is its descriptor
};

// script: sealed, and its bytes checked against the order. folder: working folder, exists.
// Errors: whatever keeps the script from starting, as "<Word>: <why>" for CommandEnded.errors.
Result<PreparedScript> prepare_script(const pb::Command& command, Fd script,
                                      const std::string& folder, const ActionId& action,
                                      std::uint32_t index);

}  // namespace reachback::agent
