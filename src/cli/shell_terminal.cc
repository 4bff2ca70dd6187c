// `terminal`: a shell on the machine, in this terminal.
#include <fmt/format.h>

#include "base/bytes.h"
#include "cli/cancel.h"
#include "cli/commands.h"
#include "cli/remote_terminal.h"
#include "cli/run.h"
#include "cli/shell.h"
#include "cli/submit.h"

namespace reachback::cli {

bool is_terminal_line(const std::string& line) {
  const auto from = line.find_first_not_of(" \t\r");
  const auto to = line.find_last_not_of(" \t\r");
  return from != std::string::npos &&
         equals_ignore_case(std::string_view(line).substr(from, to + 1 - from), "terminal");
}

Result<int> Shell::work_in_terminal() {
  if (options_.json || !has_terminal()) {
    return Error{Errc::invalid_input,
                 "terminal needs a terminal to show it in: without one, run runs a script"};
  }
  RemoteTerminal remote(crypto::Ed25519PrivateKey::generate());
  RB_TRY_ASSIGN(ShellCommand command, send(remote.line()));
  command.line = "terminal";
  RB_TRY(take_on(command));
  return show_terminal(command, remote);
}

Result<int> Shell::show_terminal(const ShellCommand& command, RemoteTerminal& remote) {
  notice("a terminal on " + session_.machine_name() +
         ": what it shows is recorded; exit ends it, as does Enter ~ .");
  std::optional<Error> not_begun;
  ScriptRun script(
      api_, *command.id, 0,
      [&remote](ScriptStream stream, std::string_view text) {
        return stream == ScriptStream::output ? remote.show(text) : Result<void>();
      },
      [&, tell = teller(command)](const std::string& status) {
        if (status == "InProgress") {
          auto begun = remote.begin(api_, *command.id);
          not_begun = begun.ok() ? std::nullopt : std::optional(begun.error());
        } else {
          tell(status);
        }
      });
  auto action = wait(command, [&] { return script.wait(/*is_live=*/true, std::nullopt); });
  auto result = action.ok() ? script.rest() : Result<std::optional<ScriptResult>>(action.error());
  const std::optional<Error> keyboard = remote.end();
  if (!action.ok()) {
    // Nobody can type there any more.
    api_.clear_interrupt();
    static_cast<void>(cancel_action(api_, *command.id, "The program that opened it has ended"));
  }
  RB_TRY(action);
  RB_TRY(result);
  for (const auto& error : {not_begun, keyboard}) {
    if (error) {
      complain(error->message);
    }
  }
  complain_about(*action);
  return exit_status(*action, 0, *result);
}

}  // namespace reachback::cli
