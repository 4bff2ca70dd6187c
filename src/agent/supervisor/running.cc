// A command that runs: its start, its limit, its end.
#include <fmt/format.h>

#include "agent/supervisor/agent_supervisor.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/variant.h"

namespace reachback::agent {
namespace {

// Somebody may watch what it writes, and its result is made of that.
bool has_streams(const pb::Command& command) {
  return command.type() == pb::RUN_SCRIPT || command.type() == pb::BUILT_IN ||
         command.type() == pb::TERMINAL;
}

// Its result is a file that its process has written as it is.
bool leaves_file(const pb::Command& command) {
  return command.type() == pb::GET_FILE || command.type() == pb::COLLECT;
}

void add_truncation(pb::CommandEnded& ended, std::string_view name, const StreamCount& count) {
  if (count.stored < count.seen) {
    add_error(ended, fmt::format("OutputTruncated: {}: {} bytes were written, the first {} are "
                                 "kept{}",
                                 name, count.seen, count.stored,
                                 count.storage_full ? " (disk full)" : ""));
  }
}

}  // namespace

void AgentSupervisor::run_command(Job job, std::uint32_t index, Ready ready) {
  const ActionId id = job.action;
  const pb::Command& command = job.order.commands(static_cast<int>(index));
  // Once more: this process may have stood still since the last look. Source: trust.md F31.
  const bool late = is_window_over(job) && !RB_VARIANT("pause");
  Result<void> started;
  if (late) {
    started = Error{Errc::timed_out, "the time for this action is over"};
  } else if (!ready.placing) {
    ready.spec.stdout_file = ready.streams.out.get();
    ready.spec.stderr_file = ready.streams.err.get();
    if (has_streams(command)) {
      ready.spec.grown = [this] { live_output_.grown(); };
    }
    started = deps_.processes.start(ready.spec, [this](const ProcessEnd& end) { on_ended(end); });
  }
  if (!started.ok()) {
    const std::string why = (late ? "WindowOver: " : "CouldNotStart: ") + started.error().message;
    if (append({with_receipt(failed(job.order, index, 0, why), find(id)->received->order())})) {
      report(id, index);
    }
    return;
  }
  RB_FAILPOINT("agent.command.after_spawn");
  if (has_streams(command)) {
    live_output_.begin(id, job.order.epoch(), index, ready.streams,
                       ready.typing ? LiveOutput::kTerminalRest : LiveOutput::kRest);
  }
  Running run;
  run.action = id;
  run.index = index;
  run.started_us = now_us();
  run.streams = std::move(ready.streams);
  if (leaves_file(command)) {
    run.fetched = std::move(ready.file);
  }
  run.placing = std::move(ready.placing);
  run.typing = std::move(ready.typing);
  const Duration limit = std::chrono::milliseconds(command.timeout_ms());
  if (run.placing) {
    run.ends = deps_.clock.since_boot() + limit;
    run.next_slice = deps_.events.after(Duration(0), [this] { place_file(); });
  } else {
    run.limit = deps_.events.after(limit, [this] { on_limit(); });
  }
  running_ = std::move(run);
  running_job_ = std::move(job);
  wait_for_typing();
  report(id, index);
}

void AgentSupervisor::on_limit() {
  if (running_) {
    running_->timed_out = true;
    deps_.processes.kill();
  }
}

const pb::Command& AgentSupervisor::running_command() const {
  return find(running_->action)->order.commands(static_cast<int>(running_->index));
}

pb::JournalEnded AgentSupervisor::end_now(bool ended_early) const {
  const ActionRecord& record = *find(running_->action);
  pb::JournalEnded out;
  auto* ended = out.mutable_ended();
  ended->set_action(record.order.action());
  ended->set_epoch(record.epoch());
  ended->set_index(running_->index);
  ended->set_outcome(ended_early ? pb::FAILED : pb::COMPLETED);
  ended->set_started_us(running_->started_us);
  ended->set_ended_us(now_us());
  if (!ended_early) {
    return out;
  }
  if (running_->cancelled) {
    add_error(*ended, "Cancelled: the action was cancelled while the command ran");
  } else if (running_->timed_out) {
    add_error(*ended, fmt::format("TimedOut: the command ran longer than {} ms and was ended",
                                  running_command().timeout_ms()));
  } else if (running_->gone_idle) {
    add_error(*ended, "Idle: nobody typed any more, and the terminal was ended");
  } else {
    add_error(*ended, kInterrupted);
  }
  return out;
}

pb::JournalEnded AgentSupervisor::end_of_script(const ProcessEnd& end) const {
  pb::JournalEnded out = end_now(end.killed);
  auto* ended = out.mutable_ended();
  ended->set_has_exit_code(true);
  ended->set_exit_code(end.exit_code);
  add_truncation(*ended, "script_output", end.out);
  add_truncation(*ended, "script_errors", end.err);
  return out;
}

void AgentSupervisor::on_ended(const ProcessEnd& end) {
  if (ending_ || !running_) {
    return;
  }
  running_->limit.reset();
  running_->idle.reset();
  live_output_.ended();
  if (running_->forgotten) {
    leave_forgotten();
    return;
  }
  const pb::Command& command = running_command();
  if (leaves_file(command)) {
    on_fetched(end);
    return;
  }
  ScriptOutcome outcome;
  outcome.script_name = command.file_name();
  outcome.exit_code = end.exit_code;
  running_->storing = std::make_unique<ResultStoring>(
      deps_.spool, running_->action, running_->index, std::move(outcome),
      std::move(running_->streams), end_of_script(end));
  store_result();
}

// The result goes to disk before the end is journalled: a crash in between is an interruption.
void AgentSupervisor::store_result() {
  if (ending_ || !running_) {
    return;
  }
  if (running_->forgotten) {
    leave_forgotten();
    return;
  }
  if (!running_->storing->store_some()) {
    running_->next_slice = deps_.events.after(Duration(0), [this] { store_result(); });
    return;
  }
  pb::JournalEnded ended = running_->storing->ended();
  add_receipt(ended, find(running_->action)->received->order(), running_->storing->written());
  finish_command(ended);
}

void AgentSupervisor::leave_forgotten() {
  const ActionId id = running_->action;
  running_.reset();
  settle(id);
  start_next();
}

// ended: with its receipt, and what it names on disk.
void AgentSupervisor::finish_command(const pb::JournalEnded& ended) {
  const ActionId id = running_->action;
  const std::uint32_t index = running_->index;
  const bool goes_on = ended.ended().outcome() == pb::COMPLETED && running_job_ &&
                       static_cast<int>(index) + 1 < running_job_->order.commands_size();
  std::optional<Job> job = std::move(running_job_);
  running_job_.reset();
  running_.reset();
  RB_FAILPOINT("agent.command.before_ended");
  if (goes_on) {
    start_command(std::move(*job), index + 1, {entry(ended)});
  } else if (append({entry(ended)})) {
    RB_FAILPOINT("agent.command.after_ended");
    report(id, index);
  }
  start_next();
}

}  // namespace reachback::agent
