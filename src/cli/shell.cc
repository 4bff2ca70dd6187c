#include "cli/shell.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/action.h"
#include "cli/commands.h"
#include "cli/machines.h"
#include "cli/output.h"
#include "cli/submit.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTypingPatience{2};

// Somebody has closed our standard output.
bool is_fatal(const Error& error) {
  return error.code == Errc::io && error.message.empty();
}

// Nothing to be sent: an empty line or a comment.
bool is_idle(const std::string& line) {
  const std::size_t from = line.find_first_not_of(" \t\r");
  return from == std::string::npos || line[from] == '#';
}

// Asks the server once for the commands, and each time for the library's files.
class Typing {
 public:
  explicit Typing(Api& api) : api_(api) {}
  Completion operator()(const std::string& before) {
    if (commands_.empty()) {
      if (auto table = ask("/api/reachback/interactive")) {
        commands_ = ShellWords(*table).names();
      }
    }
    return complete_line(before, commands_, [this] {
      std::vector<std::string> names;
      const auto page = ask("/api/libraryfiles");
      for (const Fields& file : page ? page->objects("value") : std::vector<Fields>()) {
        if (library_name(file.text("fileName")).ok()) {
          names.push_back(file.text("fileName"));
        }
      }
      return names;
    });
  }

 private:
  std::optional<Fields> ask(const std::string& target) {
    auto body = api_.get(target, kTypingPatience);
    auto fields = body.ok() ? Fields::parse(*body) : Result<Fields>(body.error());
    return fields.ok() ? std::optional(*fields) : std::nullopt;
  }
  Api& api_;
  std::vector<std::string> commands_;
};

}  // namespace

Result<int> Shell::work(LineReader& lines, bool is_interactive) {
  int status = 0;
  // Whether given lines end here: one has failed, or the job that was told just now.
  const auto ends = [&](int failed) {
    failed = failed != 0 ? failed : std::exchange(job_failed_, 0);
    if (is_interactive || (failed == 0 && !is_interrupted_)) {
      return false;
    }
    status = is_interrupted_ ? kExitInterrupted : status != 0 ? status : failed;
    return is_interrupted_ || !options_.keep_going;
  };
  for (;;) {
    is_interrupted_ = false;
    if (auto told = tell_ended_job(); !told.ok()) {
      return told.error();
    }
    if (ends(0)) {
      break;
    }
    auto line = lines.next(escape_line(session_.machine_name() + " " + folder_ + " > "));
    if (!line.ok()) {
      if (!api_.interrupted()) {
        return line.error();
      }
      if (is_interactive && !api_.terminated()) {
        api_.clear_interrupt();
        continue;
      }
      status = kExitInterrupted;
      break;
    }
    if (!line->has_value()) {
      break;
    }
    if (is_idle(**line)) {
      continue;
    }
    auto end = perform(**line);
    if (!end.ok() && is_fatal(end.error())) {
      return end.error();
    }
    const int failed = end.ok() ? end->status : fail(end.error());
    if (has_ended_ || api_.terminated()) {
      status = has_ended_ ? kExitOther : kExitInterrupted;
      break;
    }
    if (end.ok() && end->leaves) {
      break;
    }
    if (ends(failed)) {
      break;
    }
  }
  if (job_) {
    notice(fmt::format("{} goes on: reachback result {} shows what it answers", job_->label(),
                       job_->id->text()));
  }
  return status;
}

Result<Shell::LineEnd> Shell::perform(const std::string& line) {
  if (!is_valid_utf8(line)) {
    return Error{Errc::invalid_input, "the line is not valid UTF-8: correct it"};
  }
  if (is_terminal_line(line)) {
    RB_TRY_ASSIGN(const int status, work_in_terminal());
    return LineEnd{status};
  }
  RB_TRY_ASSIGN(const ShellCommand command, send(line));
  if (command.by_client) {
    return by_client(command);
  }
  RB_TRY(take_on(command));
  if (!command.in_background) {
    RB_TRY_ASSIGN(const int status, answer(command));
    return LineEnd{status};
  }
  if (options_.json) {
    RB_TRY(write_out(document_of(command, &*command.action) + ",\"rows\":null,\"result\":null}\n"));
  } else {
    notice(command.label());
  }
  return LineEnd{};
}

Result<void> Shell::take_on(const ShellCommand& command) {
  // The job before has ended, or the machine would not have taken this one.
  RB_TRY(tell_ended_job());
  if (job_) {
    complain(fmt::format("how {} ended is not known: reachback result {} shows it", job_->label(),
                         job_->id->text()));
  }
  job_ = command;
  return {};
}

Result<ShellCommand> Shell::send(const std::string& line) {
  // Sent again with it, the line runs once.
  const std::string key = ShellSession::new_key();
  std::optional<SteadyClock::time_point> outage_since;
  for (;;) {
    auto sent = session_.send(line, folder_, key);
    if (sent.ok() || api_.interrupted()) {
      return sent;
    }
    const Error& error = sent.error();
    if (error.code == Errc::conflict) {
      has_ended_ = true;
      return Error{error.code, error.message + "; reachback shell opens another session"};
    }
    if (error.code == Errc::already_active) {
      outage_since.reset();
      RB_TRY(make_way());
      continue;
    }
    const auto now = SteadyClock::now();
    outage_since = outage_since.value_or(now);
    if (!is_outage(error.code) || now - *outage_since > kOutageMax ||
        !api_.pause(std::chrono::seconds(1))) {
      return error;
    }
  }
}

// Until the machine may have another action.
Result<void> Shell::make_way() {
  if (job_) {
    notice("waiting until " + job_->label() + " has ended");
    RB_TRY_ASSIGN(const Fields action, wait_for_final(api_, *job_->id, std::nullopt, nullptr));
    RB_TRY(end_job(action));
    return is_interrupted_ ? Result<void>(Error{Errc::timed_out, "interrupted"}) : Result<void>();
  }
  RB_TRY_ASSIGN(const std::optional<Fields> other, session_.unfinished_action());
  const auto id = other ? ActionId::parse(other->text("id")) : std::nullopt;
  if (!id) {
    return api_.pause(std::chrono::seconds(1)) ? Result<void>()
                                               : Error{Errc::timed_out, "interrupted"};
  }
  const auto commands = other->objects("commands");
  notice(fmt::format("waiting until action {} of {} has ended{}", id->text(),
                     other->text("requestor"),
                     commands.empty() ? "" : ": " + describe_command(commands.front())));
  RB_TRY(wait_for_final(api_, *id, std::nullopt, nullptr));
  return {};
}

Result<void> Shell::tell_ended_job() {
  if (!job_) {
    return {};
  }
  const auto action = get_action(api_, *job_->id);
  return action.ok() && is_final(action->text("status")) ? end_job(*action) : Result<void>();
}

Result<void> Shell::end_job(const Fields& action) {
  const ShellCommand job = *job_;
  job_.reset();
  const std::string status = action.text("status");
  notice(fmt::format("[{}] {}  {}", job.number, status, job.line));
  int failed = 0;
  if (status != "Succeeded") {
    complain_about(action);
    failed = kExitNoExitCode;
  } else if (!job.file.empty() || leaves_file(job)) {
    // What it answers stands nowhere yet but in the result.
    auto answered = answer(job);
    if (!answered.ok() && is_fatal(answered.error())) {
      return answered.error();
    }
    failed = answered.ok() ? *answered : fail(answered.error());
  }
  job_failed_ = job_failed_ != 0 ? job_failed_ : failed;
  return {};
}

int Shell::fail(const Error& error) {
  if (api_.interrupted()) {
    is_interrupted_ = true;
    api_.clear_interrupt();
  }
  complain(error.message);
  return exit_of(error);
}

Result<void> Shell::print_into(const std::string& file, const Print& print) const {
  if (file.empty() || file == "-") {
    RB_TRY(print(terminal_));
    return {};
  }
  RB_TRY_ASSIGN(OutputFile output, OutputFile::begin(file));
  Terminal plain = terminal_;
  plain.out_is_terminal = plain.coloured = false;
  RB_TRY_ASSIGN(const bool is_whole, print(plain));
  if (!is_whole) {
    complain(file + " is left as it was: there is no whole answer");
    return {};
  }
  return output.keep();
}

std::string document_of(const ShellCommand& command, const Fields* action) {
  return fmt::format("{{\"number\":{},\"commandLine\":{},\"action\":{}",
                     command.number > 0 ? std::to_string(command.number) : "null",
                     json::quote(command.line), action != nullptr ? action->json() : "null");
}

Result<int> shell(Api& api, const Terminal& terminal, const ShellOptions& options) {
  RB_TRY_ASSIGN(const std::string machine, find_machine(api, options.machine));
  const bool is_interactive =
      options.lines.empty() && terminal.err_is_terminal && ::isatty(STDIN_FILENO) == 1;
  const ShouldStop should_stop = [&api] { return api.interrupted(); };
  std::unique_ptr<LineReader> lines;
  if (is_interactive) {
    RB_TRY_ASSIGN(lines, typed_lines(should_stop, Typing(api)));
  } else {
    lines =
        options.lines.empty() ? plain_lines(STDIN_FILENO, should_stop) : given_lines(options.lines);
  }
  RB_TRY_ASSIGN(ShellSession session,
                ShellSession::open(api, machine, options.comment, options.take_over));
  if (is_interactive) {
    notice(session.greeting());
  }
  Shell shell(api, terminal, options, session);
  auto outcome = shell.work(*lines, is_interactive);
  if (!shell.has_ended()) {
    api.clear_interrupt();
    if (auto closed = session.close(); !closed.ok()) {
      complain("the session was not closed, it ends by itself: " + closed.error().message);
    }
  }
  return outcome;
}

}  // namespace reachback::cli
