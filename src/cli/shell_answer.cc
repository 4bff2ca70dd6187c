// What a command of the agent or an action of the session answers.
#include <fmt/format.h>

#include "cli/cancel.h"
#include "cli/commands.h"
#include "cli/fetch_file.h"
#include "cli/run.h"
#include "cli/shell.h"
#include "cli/submit.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kFolderBytesMax = 4096;
constexpr std::size_t kErrorsBytesMax = 256 << 10;  // of script_errors in a document
constexpr const char* kNoRows = ",\"rows\":null,\"result\":";

// The value of the one parameter that GetFile and PutFile have.
std::string parameter_of(const Fields& action, const std::string& key) {
  for (const Fields& command : action.objects("commands")) {
    for (const Fields& parameter : command.object("command").objects("params")) {
      if (parameter.text("key") == key) {
        return parameter.text("value");
      }
    }
  }
  return {};
}

bool is_succeeded(const Fields& action) {
  return action.text("status") == "Succeeded";
}

RowStyle style_of(const ShellCommand& command, bool is_document) {
  return is_document                  ? RowStyle::inline_json
         : command.name == "cd"       ? RowStyle::none
         : command.as_json            ? RowStyle::json
         : command.name == "fileinfo" ? RowStyle::down
                                      : RowStyle::table;
}

// Ends the half of a document that rows were streamed into.
std::string end_of_document(const std::optional<ScriptResult>& result, const std::string& errors) {
  if (!result) {
    return ",\"result\":null}\n";
  }
  return fmt::format(",\"result\":{{\"exit_code\":{},\"script_errors\":{}}}}}\n",
                     result->exit_code ? std::to_string(*result->exit_code) : "null",
                     json::quote(errors));
}

}  // namespace

Result<int> Shell::answer(const ShellCommand& command) {
  if (leaves_file(command)) {
    return answer_file(command);  // FILE is where the machine's file goes
  }
  int status = 0;
  RB_TRY(print_into(command.file, [&](const Terminal& terminal) -> Result<bool> {
    RB_TRY_ASSIGN(const Answered answered, answer_by_kind(command, terminal));
    status = answered.status;
    return answered.is_whole;
  }));
  return status;
}

Result<Shell::Answered> Shell::answer_by_kind(const ShellCommand& command,
                                              const Terminal& terminal) {
  return command.by_agent            ? answer_rows(command, terminal)
         : command.name == "putfile" ? answer_put(command, terminal)
                                     : answer_script(command, terminal);
}

Result<Shell::Answered> Shell::answer_rows(const ShellCommand& command, const Terminal& terminal) {
  const bool is_document = options_.json;
  // What takes long is shown as it comes; the rest is aligned as a whole.
  const bool is_live = command.name == "findfile" && !is_document;
  std::string folder, errors;
  const std::function<void(const Fields&)> take_folder = [&folder](const Fields& row) {
    folder = row.text("path");
  };
  RowPrinter rows(terminal, style_of(command, is_document), command.columns,
                  command.name == "cd" ? take_folder : nullptr);
  ScriptPrinter printer(terminal, /*raw=*/false);
  std::string beginning;  // of a document, once the action is known
  ScriptRun script(
      api_, *command.id, 0,
      [&](ScriptStream stream, std::string_view text) -> Result<void> {
        if (stream == ScriptStream::errors) {
          errors.append(text.substr(0, kErrorsBytesMax - errors.size()));
          return is_document ? Result<void>() : printer.print(stream, text);
        }
        RB_TRY(write_out(std::exchange(beginning, {})));
        RB_TRY(rows.feed(text));
        return is_live ? rows.flush() : Result<void>();
      },
      teller(command));
  RB_TRY_ASSIGN(const Fields action,
                wait(command, [&] { return script.wait(is_live, std::nullopt); }));
  beginning = is_document ? document_of(command, &action) + ",\"rows\":" : "";
  RB_TRY_ASSIGN(const std::optional<ScriptResult> result, script.rest());
  const int status = exit_status(action, 0, result);
  RB_TRY(write_out(beginning));
  const bool is_whole = result && is_succeeded(action);
  if (is_document && !result) {
    RB_TRY(write_out("null"));
  } else if (result) {
    RB_TRY(rows.finish(/*shows_empty=*/status == 0));
  }
  RB_TRY(is_document ? write_out(end_of_document(result, errors)) : printer.finish());
  complain_about(action);
  if (rows.unreadable() > 0) {
    complain(
        fmt::format("{} lines of the answer are no rows: reachback result {} shows it as it is",
                    rows.unreadable(), command.id->text()));
    return Answered{status != 0 ? status : kExitOther, is_whole || is_document};
  }
  if (status != 0 && errors.empty() && is_succeeded(action)) {
    complain(fmt::format("{} ended with exit code {}", command.name, status));
  }
  if (status == 0 && command.name == "cd" && folder.starts_with('/') &&
      folder.size() <= kFolderBytesMax) {
    folder_ = folder;
  }
  return Answered{status, is_whole || is_document};
}

Result<Shell::Answered> Shell::answer_script(const ShellCommand& command,
                                             const Terminal& terminal) {
  ScriptPrinter printer(terminal, /*raw=*/false);
  ScriptRun script(
      api_, *command.id, 0,
      [&printer, &command](ScriptStream stream, std::string_view text) {
        // Of a terminal the other stream is the timing of the first.
        const bool is_timing = command.name == "terminal" && stream == ScriptStream::errors;
        return is_timing ? Result<void>() : printer.print(stream, text);
      },
      teller(command));
  RB_TRY_ASSIGN(const Fields action, wait(command, [&] {
                  return script.wait(/*is_live=*/!options_.json, std::nullopt);
                }));
  std::optional<ScriptResult> result;
  if (options_.json) {
    RB_TRY_ASSIGN(result, script.copy(document_of(command, &action) + kNoRows));
    RB_TRY(write_out("}\n"));
  } else {
    RB_TRY_ASSIGN(result, script.rest());
  }
  RB_TRY(printer.finish());
  complain_about(action);
  const int status = exit_status(action, 0, result);
  if (status != 0 && result && result->exit_code && status != kExitNoExitCode) {
    complain(fmt::format("the script's exit code is {}", *result->exit_code));
  }
  return Answered{status, options_.json || (result && is_succeeded(action))};
}

Result<int> Shell::answer_file(const ShellCommand& command) {
  RB_TRY_ASSIGN(const Fields action, wait(command));
  const std::optional<Fields> about = fetched_file(action);
  std::string file = command.file;
  if (about) {
    if (file.empty()) {
      // A file's as it was asked for, not as the machine has it; a package's as the machine names
      // it.
      const std::string path =
          command.name == "collect" ? about->text("path") : parameter_of(action, "Path");
      file = path.substr(path.rfind('/') + 1);
    }
    if (file.empty() || file == "." || file == "..") {
      return Error{Errc::invalid_input,
                   fmt::format("the file has no name to save it under: fg {} > FILE gives it one",
                               command.number)};
    }
    Meter meter(terminal_, file);
    auto fetched = fetch_file(api_, *about, *command.id, file,
                              command.file.empty() ? Existing::kept : Existing::replaced, &meter);
    if (!fetched.ok() && fetched.error().code == Errc::already_exists) {
      return Error{Errc::already_exists, fmt::format("{}: fg {} > FILE saves it under another name",
                                                     fetched.error().message, command.number)};
    }
    RB_TRY(fetched);
  }
  if (options_.json) {
    RB_TRY(write_out(document_of(command, &action) + kNoRows +
                     "null,\"file\":" + (about ? file_json(*about, file) : "null") + "}\n"));
  } else if (about && terminal_.err_is_terminal) {
    complain(describe_file(*about) + ", saved as " + file);
  }
  complain_about(action);
  return about ? 0 : kExitNoExitCode;
}

Result<Shell::Answered> Shell::answer_put(const ShellCommand& command, const Terminal& terminal) {
  RB_TRY_ASSIGN(const Fields action, wait(command));
  const bool is_there = is_succeeded(action);
  if (options_.json) {
    RB_TRY(write_out(document_of(command, &action) + kNoRows + "null}\n"));
  } else if (is_there) {
    const std::string text = parameter_of(action, "FileName") + " is on " + session_.machine_name();
    RB_TRY(write_out((terminal.out_is_terminal ? escape_line(text) : text) + "\n"));
  }
  complain_about(action);
  return Answered{is_there ? 0 : kExitNoExitCode, is_there || options_.json};
}

Result<Fields> Shell::wait(const ShellCommand& command) {
  return wait(command,
              [&] { return wait_for_final(api_, *command.id, std::nullopt, teller(command)); });
}

Result<Fields> Shell::wait(const ShellCommand& command,
                           const std::function<Result<Fields>()>& once) {
  auto waited = once();
  if (!waited.ok() && api_.interrupted() && !api_.terminated()) {
    is_interrupted_ = true;
    api_.clear_interrupt();
    notice("cancelling " + command.label() + "; Ctrl-C once more leaves it");
    auto cancelled = cancel_action(api_, *command.id, "Cancelled at the keyboard");
    if (!cancelled.ok() && !api_.interrupted()) {
      complain(cancelled.error().message);  // it may have ended just now
    }
    waited = api_.interrupted() ? waited : once();
    if (api_.interrupted()) {
      return Error{Errc::timed_out,
                   fmt::format("{} goes on: fg {} follows it", command.label(), command.number)};
    }
  }
  if (waited.ok() && job_ && job_->number == command.number) {
    job_.reset();
  }
  return waited;
}

std::function<void(const std::string& status)> Shell::teller(const ShellCommand& command) const {
  return [this, label = command.label()](const std::string& status) {
    if (status == "Pending" && terminal_.err_is_terminal) {
      notice(label + " waits for " + session_.machine_name());
    }
  };
}

}  // namespace reachback::cli
