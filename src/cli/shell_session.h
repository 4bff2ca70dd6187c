// An interactive session on one machine, as the API has it (docs/interactive-sessions.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cli/api.h"
#include "cli/fields.h"

namespace reachback::cli {

// What became of a line.
struct ShellCommand {
  int number = 0;  // in the session; 0: the client does it
  std::string line;
  std::string name;  // "dir"
  bool by_client = false, by_agent = false;
  bool as_json = false;
  std::string file;  // where the output goes; empty: standard output
  bool in_background = false;
  std::vector<std::string> columns;
  std::optional<Fields> action;  // unless the client does it
  std::optional<ActionId> id;
  std::optional<Fields> parameters;  // of what the client does

  // Errors: protocol.
  static Result<ShellCommand> read(const Fields& answer, const std::string& line);
  std::string parameter(std::string_view parameter_name) const;
  // "[3] findfile x -path /etc"
  std::string label() const;
};

class ShellSession {
 public:
  // machine: its id. takes_over: the session that the machine has is ended first.
  // Errors: conflict (it has one), as Api.
  static Result<ShellSession> open(Api& api, const std::string& machine, const std::string& comment,
                                   bool takes_over);

  const std::string& machine_name() const { return machine_name_; }
  std::string greeting() const;

  // Errors: already_active (the machine has an unfinished action), conflict (the session has
  // ended), invalid_input (the line; the message says what), as Api.
  // key: of new_key(); the same line sent again with it runs once.
  Result<ShellCommand> send(const std::string& line, const std::string& folder,
                            const std::string& key);
  static std::string new_key();
  Result<std::vector<ShellCommand>> commands();
  Result<Fields> about();
  Result<void> close();

  // The action that is in the machine's way; nullopt: none, or none any more.
  Result<std::optional<Fields>> unfinished_action();

 private:
  ShellSession(Api& api, std::string path, std::string machine, std::string machine_name,
               std::string idle_timeout_s)
      : api_(api),
        path_(std::move(path)),
        machine_(std::move(machine)),
        machine_name_(std::move(machine_name)),
        idle_timeout_s_(std::move(idle_timeout_s)) {}
  Api& api_;
  std::string path_;
  std::string machine_, machine_name_, idle_timeout_s_;
};

}  // namespace reachback::cli
