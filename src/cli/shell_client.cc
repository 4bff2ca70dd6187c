// The commands of a session that the client does by itself.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/shell.h"
#include "cli/table.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string job_row(const ShellCommand& command) {
  const std::vector<Fields> commands = command.action->objects("commands");
  json::Object row{{"number", command.number},
                   {"status", command.action->text("status")},
                   {"started", commands.empty() ? "" : commands.front().text("startTime")},
                   {"commandLine", command.line},
                   {"actionId", command.id->text()}};
  return json::write(row);
}

// JSON leaves what turns the direction of text, and more, as it is.
std::string shown(const std::string& json, const Terminal& terminal) {
  return (terminal.out_is_terminal ? escape_line(json) : json) + "\n";
}

std::string describe_session(const Fields& session) {
  std::string out;
  for (const auto& [title, name] :
       {std::pair("session", "id"), std::pair("machine", "machineName"),
        std::pair("status", "status"), std::pair("opened by", "creator"),
        std::pair("opened", "created"), std::pair("last used", "lastUsed"),
        std::pair("commands", "commands"), std::pair("idle after", "idleTimeoutSeconds")}) {
    const std::string text = escape_line(session.text(name));
    const bool is_time = std::string_view(name) == "idleTimeoutSeconds";
    out += text.empty() ? "" : fmt::format("{:<10} {}{}\n", title, text, is_time ? " s" : "");
  }
  return out;
}

}  // namespace

Result<Shell::LineEnd> Shell::by_client(const ShellCommand& command) {
  if (command.name == "exit") {
    return LineEnd{0, /*leaves=*/true};
  }
  if (command.name == "fg") {
    RB_TRY_ASSIGN(const int status, follow_again(command));
    return LineEnd{status};
  }
  if (command.name == "trace") {
    toggle_trace();
    return LineEnd{};
  }
  const auto print = [&](const Terminal& terminal) -> Result<bool> {
    RB_TRY(show_by_client(command, terminal));
    return true;
  };
  RB_TRY(print_into(command.file, print));
  return LineEnd{};
}

Result<void> Shell::show_by_client(const ShellCommand& command, const Terminal& terminal) {
  if (command.name == "library") {
    RB_TRY_ASSIGN(const std::vector<Fields> files, list_all(api_, "/api/libraryfiles"));
    return show_list(command, terminal, files);
  }
  if (command.name == "jobs") {
    return show_jobs(command, terminal);
  }
  if (command.name == "status") {
    return show_status(command, terminal);
  }
  if (command.name == "help") {
    return show_help(command, terminal);
  }
  if (command.name == "cls") {
    return terminal.out_is_terminal ? write_out("\x1b[H\x1b[2J\x1b[3J") : Result<void>();
  }
  return Error{Errc::invalid_input,
               "this program does not know '" + command.name + "': use a newer one"};
}

Result<void> Shell::show_list(const ShellCommand& command, const Terminal& terminal,
                              const std::vector<Fields>& list) const {
  const bool is_document = options_.json;
  RowPrinter rows(terminal,
                  is_document       ? RowStyle::inline_json
                  : command.as_json ? RowStyle::json
                                    : RowStyle::table,
                  command.columns);
  RB_TRY(write_out(is_document ? document_of(command, nullptr) + ",\"rows\":" : ""));
  for (const Fields& row : list) {
    RB_TRY(rows.add(row));
  }
  RB_TRY(rows.finish(/*shows_empty=*/true));
  return write_out(is_document ? ",\"result\":null}\n" : "");
}

Result<void> Shell::show_help(const ShellCommand& command, const Terminal& terminal) {
  RB_TRY_ASSIGN(const std::string body, api_.get("/api/reachback/interactive"));
  RB_TRY_ASSIGN(const Fields table, Fields::parse(body));
  const ShellWords words(table);
  const std::string name = command.parameter("command");
  if (name.empty()) {
    RB_TRY_ASSIGN(const std::vector<Fields> rows, words.rows());
    return show_list(command, terminal, rows);
  }
  RB_TRY_ASSIGN(const Fields one, words.find(name));
  if (options_.json || command.as_json) {
    return show_list(command, terminal, {one});
  }
  TextFilter filter;
  return write_out(filter.feed(explain(one)));
}

Result<void> Shell::show_jobs(const ShellCommand& command, const Terminal& terminal) {
  RB_TRY_ASSIGN(const std::vector<ShellCommand> list, session_.commands());
  std::vector<Fields> rows;
  for (const ShellCommand& one : list) {
    RB_TRY_ASSIGN(Fields row, Fields::parse(job_row(one)));
    rows.push_back(std::move(row));
  }
  return show_list(command, terminal, rows);
}

Result<void> Shell::show_status(const ShellCommand& command, const Terminal& terminal) {
  const std::string number = command.parameter("number");
  if (!number.empty()) {
    RB_TRY_ASSIGN(const ShellCommand which, find_command(number));
    RB_TRY_ASSIGN(const Fields action, get_action(api_, *which.id));
    return write_out(options_.json
                         ? document_of(command, &action) + ",\"rows\":null,\"result\":null}\n"
                     : command.as_json ? shown(action.json(), terminal)
                                       : describe_action(action, terminal));
  }
  RB_TRY_ASSIGN(const Fields session, session_.about());
  return write_out(options_.json ? document_of(command, nullptr) +
                                       ",\"rows\":null,\"result\":" + session.json() + "}\n"
                   : command.as_json ? shown(session.json(), terminal)
                                     : describe_session(session));
}

// As if it had been in the foreground; `> FILE` and json behind fg count before its own.
Result<int> Shell::follow_again(const ShellCommand& command) {
  const std::string number = command.parameter("number");
  RB_TRY_ASSIGN(ShellCommand which, find_command(number));
  which.file = command.file.empty() ? which.file : command.file;
  which.as_json = which.as_json || command.as_json;
  return answer(which);
}

// Without a number: the one that goes on, else the newest.
Result<ShellCommand> Shell::find_command(const std::string& number) {
  RB_TRY_ASSIGN(const std::vector<ShellCommand> list, session_.commands());
  const std::string wanted = !number.empty() || !job_ ? number : std::to_string(job_->number);
  if (wanted.empty() && !list.empty()) {
    return list.back();
  }
  for (const ShellCommand& one : list) {
    if (std::to_string(one.number) == wanted) {
      return one;
    }
  }
  return Error{Errc::not_found, (wanted.empty() ? "this session has no command yet"
                                                : "this session has no command " + wanted) +
                                    std::string(": jobs lists them")};
}

void Shell::toggle_trace() {
  is_traced_ = !is_traced_;
  if (!is_traced_) {
    api_.trace(nullptr);
    notice("trace is off");
    return;
  }
  api_.trace([](std::string_view method, std::string_view target, int status,
                std::chrono::milliseconds time) {
    notice(fmt::format("trace: {} {} {} {} ms", method, target,
                       status > 0 ? std::to_string(status) : "no answer", time.count()));
  });
  notice("trace is on");
}

}  // namespace reachback::cli
