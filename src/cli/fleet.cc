#include "cli/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "cli/cancel.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/script_output.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string describe(const MachineEnd& end) {
  return end.exit_code ? fmt::format("exit code {}", *end.exit_code) : end.why;
}

// Standard output, for one machine at a time.
class FleetOutput {
 public:
  FleetOutput(const Terminal& terminal, bool json, Board& board)
      : terminal_(terminal), json_(json), board_(board) {}

  void print(const Target& target, const MachineEnd& end) {
    MutexLock lock(mutex_);
    if (failure_.ok()) {
      board_.clear();
      failure_ = json_ ? print_json(target, end) : print_text(target, end);
    }
  }
  Result<void> failure() {
    MutexLock lock(mutex_);
    return failure_;
  }
  Result<void> finish(const FleetCounts& counts) {
    MutexLock lock(mutex_);
    RB_TRY(failure_);
    if (!json_) {
      return {};
    }
    return write_out(
        fmt::format("{}],\"summary\":{{\"machines\":{},\"exitCodeZero\":{},\"exitCodeOther\":{},"
                    "\"notEnded\":{}}}}}\n",
                    is_first_ ? "{\"machines\":[" : "", counts.machines, counts.good,
                    counts.non_zero, counts.not_ended));
  }

 private:
  Result<void> print_json(const Target& target, const MachineEnd& end) RB_REQUIRES(mutex_) {
    std::string out = std::exchange(is_first_, false) ? "{\"machines\":[" : ",";
    out += "{\"machine\":{\"id\":" + json::quote(target.id) +
           ",\"name\":" + json::quote(target.name) + "}";
    out += ",\"action\":" + (end.action ? end.action->json() : "null");
    out += ",\"exitCode\":" + (end.exit_code ? std::to_string(*end.exit_code) : "null");
    out += ",\"error\":" + (end.why.empty() ? "null" : json::quote(end.why));
    out += ",\"folder\":" + (end.folder.empty() ? "null" : json::quote(end.folder));
    RB_TRY(write_out(out + end.json));
    if (end.result.valid()) {
      RB_TRY(write_out(",\"result\":"));
      RB_TRY(print_file(end.result.get()));
    }
    return write_out("}");
  }
  Result<void> print_text(const Target& target, const MachineEnd& end) const {
    if (!end.result.valid()) {
      return {};
    }
    NamedLines lines(terminal_, target.name);
    RB_TRY(read_script_file(end.result.get(), [&lines](ScriptStream stream, std::string_view text) {
      return lines.print(stream, text);
    }));
    return lines.finish();
  }

  const Terminal terminal_;
  const bool json_;
  Board& board_;
  Mutex mutex_;
  bool is_first_ RB_GUARDED_BY(mutex_) = true;
  Result<void> failure_ RB_GUARDED_BY(mutex_);
};

// What becomes of actions that go on when somebody has pressed Ctrl-C.
void leave_fleet(Api& api, const std::vector<MachineEnd>& ends, bool cancel) {
  api.clear_interrupt();
  std::size_t left = 0, cancelled = 0;
  for (const MachineEnd& end : ends) {
    if (!end.id || (end.action && is_final(end.action->text("status")))) {
      continue;
    }
    ++left;
    cancelled += cancel && cancel_action(api, *end.id, "Interrupted at the keyboard").ok() ? 1 : 0;
  }
  complain(
      fmt::format("interrupted: {} actions were under way, {} of them are cancelled: reachback "
                  "actions lists them",
                  left, cancelled));
}

void summarise(const std::vector<Target>& targets, const std::vector<MachineEnd>& ends,
               const FleetCounts& counts, const Terminal& terminal) {
  if (terminal.err_is_terminal) {  // elsewhere each machine had its line
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].exit_code != 0) {
        complain(targets[i].name + ": " + describe(ends[i]));
      }
    }
  }
  complain(
      fmt::format("{} machines: {} with exit code 0, {} with another, {} did not get to the end",
                  counts.machines, counts.good, counts.non_zero, counts.not_ended));
}

}  // namespace

FleetCounts count(const std::vector<MachineEnd>& ends) {
  FleetCounts out;
  out.machines = ends.size();
  for (const MachineEnd& end : ends) {
    ++(!end.exit_code ? out.not_ended : *end.exit_code == 0 ? out.good : out.non_zero);
  }
  return out;
}

int exit_status(const FleetCounts& counts) {
  return counts.not_ended > 0 ? kExitNoExitCode : counts.non_zero > 0 ? kExitSomeFailed : 0;
}

Result<int> run_fleet(Api& api, const Terminal& terminal, const ActionOptions& options,
                      const std::vector<Target>& targets, const FleetWork& work) {
  std::vector<std::string> names;
  names.reserve(targets.size());
  for (const Target& target : targets) {
    names.push_back(target.name);
  }
  Board board(terminal, std::move(names));
  FleetOutput output(terminal, options.json, board);
  std::vector<MachineEnd> ends(targets.size());
  const std::size_t parallel =
      std::min<std::size_t>(targets.size(), static_cast<std::size_t>(options.targets.parallel));
  std::vector<std::unique_ptr<Api>> apis;
  for (std::size_t i = 0; i < parallel; ++i) {
    RB_TRY_ASSIGN(std::unique_ptr<Api> one, api.another());
    apis.push_back(std::move(one));
  }
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  threads.reserve(parallel);
  for (std::size_t i = 0; i < parallel; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t n = next++; n < targets.size(); n = next++) {
        MachineEnd& end = ends[n];
        if (apis[i]->interrupted() || !output.failure().ok()) {
          end.why = "not begun";
          continue;
        }
        board.set(n, "asking");
        auto done = work(*apis[i], targets[n], end,
                         [&board, n](const std::string& text) { board.set(n, text); });
        if (!done.ok()) {
          end.exit_code.reset();
          end.why = done.error().message;
        }
        output.print(targets[n], end);
        board.end(n, describe(end), end.exit_code == 0);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  board.clear();
  const FleetCounts counts = count(ends);
  RB_TRY(output.finish(counts));
  summarise(targets, ends, counts, terminal);
  if (api.interrupted()) {
    leave_fleet(api, ends, options.cancel_on_interrupt);
    return kExitInterrupted;
  }
  return exit_status(counts);
}

}  // namespace reachback::cli
