// `shell`: works on one machine, line by line (docs/interactive-sessions.md). A line becomes a
// command of the session; what it answers is shown, in the foreground or when its job has ended.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/remote_terminal.h"
#include "cli/rows.h"
#include "cli/script_run.h"
#include "cli/shell_lines.h"
#include "cli/shell_session.h"
#include "cli/terminal.h"

namespace reachback::cli {

class Shell {
 public:
  Shell(Api& api, const Terminal& terminal, const ShellOptions& options, ShellSession& session)
      : api_(api), terminal_(terminal), options_(options), session_(session) {}

  // Until the lines end, `exit`, or the session's end; without a person also until a line fails.
  // The exit status. Errors: those of the reader; standard output is closed.
  Result<int> work(LineReader& lines, bool is_interactive);

  // The session is over on the server: there is nothing to close.
  bool has_ended() const { return has_ended_; }

 private:
  struct Answered {
    int status = 0;         // exit status
    bool is_whole = false;  // the command ended by itself, and all of its answer was printed
  };
  // What a line came to.
  struct LineEnd {
    int status = 0;
    bool leaves = false;  // `exit`
  };
  // Whether it was printed whole: only then FILE gets it.
  using Print = std::function<Result<bool>(const Terminal&)>;

  // shell.cc: lines, and the job that goes on beside them.
  Result<LineEnd> perform(const std::string& line);
  Result<ShellCommand> send(const std::string& line);
  // The machine has taken it: it is the job now.
  Result<void> take_on(const ShellCommand& command);
  Result<void> make_way();
  Result<void> tell_ended_job();
  Result<void> end_job(const Fields& action);
  int fail(const Error& error);
  // Where `> FILE` says that standard output goes; terminal: what is then known of it.
  Result<void> print_into(const std::string& file, const Print& print) const;

  // shell_answer.cc: one command, from its acceptance to what it answered. The exit status.
  Result<int> answer(const ShellCommand& command);
  Result<Answered> answer_by_kind(const ShellCommand& command, const Terminal& terminal);
  Result<Answered> answer_rows(const ShellCommand& command, const Terminal& terminal);
  Result<Answered> answer_script(const ShellCommand& command, const Terminal& terminal);
  Result<int> answer_file(const ShellCommand& command);
  Result<Answered> answer_put(const ShellCommand& command, const Terminal& terminal);
  // shell_terminal.cc: `terminal`, which needs this terminal.
  Result<int> work_in_terminal();
  Result<int> show_terminal(const ShellCommand& command, RemoteTerminal& remote);
  // Ctrl-C cancels, and once more leaves.
  Result<Fields> wait(const ShellCommand& command, const std::function<Result<Fields>()>& once);
  Result<Fields> wait(const ShellCommand& command);
  std::function<void(const std::string& status)> teller(const ShellCommand& command) const;

  // shell_client.cc: what the client does by itself.
  Result<LineEnd> by_client(const ShellCommand& command);
  Result<void> show_by_client(const ShellCommand& command, const Terminal& terminal);
  Result<void> show_list(const ShellCommand& command, const Terminal& terminal,
                         const std::vector<Fields>& rows) const;
  Result<void> show_help(const ShellCommand& command, const Terminal& terminal);
  Result<void> show_jobs(const ShellCommand& command, const Terminal& terminal);
  Result<void> show_status(const ShellCommand& command, const Terminal& terminal);
  Result<int> follow_again(const ShellCommand& command);
  Result<ShellCommand> find_command(const std::string& number);
  void toggle_trace();

  Api& api_;
  const Terminal& terminal_;
  const ShellOptions& options_;
  ShellSession& session_;
  std::string folder_ = "/";
  std::optional<ShellCommand> job_;  // goes on; at most one by the session's rules
  bool is_traced_ = false, has_ended_ = false;
  bool is_interrupted_ = false;  // in this line
  int job_failed_ = 0;           // status of a job that failed, until it is counted
};

// What the command leaves is a file.
inline bool leaves_file(const ShellCommand& command) {
  return command.name == "getfile" || command.name == "collect";
}

// The line asks for a terminal; how it is opened is this program's business.
bool is_terminal_line(const std::string& line);

// The beginning of a line's document with --json: {"number":…,"commandLine":…,"action":…
std::string document_of(const ShellCommand& command, const Fields* action);

}  // namespace reachback::cli
