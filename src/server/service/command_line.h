// A line of an interactive session: which command it names and what it says to it. Pure.
// Source of the grammar: MDE's live response console (2021 to 2026-07-28),
// docs/interactive-sessions.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/service/live_response.h"

namespace reachback::server {

enum class DoneBy { agent, action, client };

struct InteractiveParameter {
  enum class Kind { text, path, number, toggle };
  std::string name;
  Kind kind = Kind::text;
  bool positional = false;
  bool optional = false;
};

// A row of api/interactive.json.
struct InteractiveCommand {
  std::string name;
  std::vector<std::string> aliases;
  DoneBy by = DoneBy::client;
  bool advanced = false;      // a user needs live response advanced
  bool long_running = false;  // has the limit of a long command
  std::string summary;
  std::vector<InteractiveParameter> parameters;
  std::vector<std::string> columns;  // of a table
};

// Every command there is; a name or an alias belongs to one of them.
using InteractiveTable = std::vector<InteractiveCommand>;

// nullptr: none. Names do not regard case.
const InteractiveCommand* find_command(const InteractiveTable& table, std::string_view name);

struct CommandLine {
  const InteractiveCommand* command = nullptr;  // of the table
  // In the order of the command's parameters; a switch that was given has the value "true".
  std::vector<std::pair<std::string, std::string>> parameters;
  bool json = false;                // -output json
  std::optional<std::string> file;  // > FILE
  bool background = false;          // &

  std::optional<std::string> parameter(std::string_view name) const;
};

// Errors: invalid_input, naming what is wrong with the line. The table outlives the answer.
Result<CommandLine> parse_command_line(const InteractiveTable& table, std::string_view line);

// What the line asks of the machine. folder: absolute; paths begin there. Of a line whose command
// is not the client's. Errors: invalid_input (a name that no library file has).
Result<SubmitCommand> command_of_line(const CommandLine& line, const std::string& folder);

}  // namespace reachback::server
