#include <CLI/CLI.hpp>

#include "base/bytes.h"
#include "cli/declare.h"

namespace reachback::cli {
namespace {

Result<Invocation> finish_shell(const ShellOptions& shell) {
  if (shell.machine.empty()) {
    return usage("no MACHINE is named: reachback shell MACHINE");
  }
  for (const std::string& line : shell.lines) {
    if (!is_valid_utf8(line)) {
      return usage("a line is not valid UTF-8: correct it");
    }
  }
  return Invocation(shell);
}

}  // namespace

void declare_shell(CLI::App& program, std::vector<Declared>& out) {
  auto shell = std::make_shared<ShellOptions>();
  CLI::App* app = program.add_subcommand("shell", "Work on one machine, line by line");
  app->add_option("MACHINE", shell->machine, "Machine id (40 hex digits) or exact name");
  app->add_option("-c,--command", shell->lines,
                  "This line instead of standard input; may be repeated")
      ->type_name("LINE")
      ->allow_extra_args(false);
  app->add_option("--comment", shell->comment, "Why, for the audit")->type_name("TEXT");
  app->add_flag("--keep-going", shell->keep_going,
                "Without a terminal, and with -c, go on after a line that failed");
  app->add_flag("--take-over", shell->take_over,
                "End the session that the machine has, if any, and open this one");
  app->add_flag("--json", shell->json,
                "Print one document for each line: "
                "{\"number\":…,\"commandLine\":…,\"action\":…,\"rows\":…,\"result\":…}");
  out.push_back({app, "MACHINE [-c LINE]… [OPTIONS]",
                 "The commands are those of MDE's live response console; help lists them. Every "
                 "line that concerns the machine is an action of its own. A line ends with "
                 "-output json, > FILE (here, not on the machine) or & (go on typing).\n"
                 "Ctrl-C cancels the command that runs; once more leaves it running.\n"
                 "What was typed is kept in memory only, and gone at the end.",
                 [shell](const auto&) { return finish_shell(*shell); }});
}

}  // namespace reachback::cli
