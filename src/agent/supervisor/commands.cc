// Running the commands of an action, one after another.
#include <fmt/format.h>

#include "agent/ports/memory_file.h"
#include "agent/supervisor/agent_supervisor.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/variant.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {

void add_truncation(pb::CommandEnded& ended, std::string_view name, const StreamCount& count) {
  if (count.stored < count.seen) {
    add_error(ended, fmt::format("OutputTruncated: {}: {} bytes were written, the first {} are "
                                 "kept{}",
                                 name, count.seen, count.stored,
                                 count.storage_full ? " (disk full)" : ""));
  }
}

}  // namespace

bool AgentSupervisor::is_window_over(const Job& job) const {
  return deps_.clock.since_boot() >= job.window_end;
}

void AgentSupervisor::start_next() {
  while (!running_ && !ending_ && deps_.journal.is_healthy() && !jobs_.empty()) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    std::uint32_t index = 0;
    if (!job.received_now) {
      const ActionRecord* record = find(job.action);
      if (record == nullptr || record->is_over()) {
        continue;
      }
      while (index < record->commands.size() && record->commands[index].ended) {
        ++index;
      }
      if (index == record->commands.size() ||
          (record->commands[index].intent && !RB_VARIANT("resume"))) {
        continue;
      }
    }
    start_command(std::move(job), index, {});
  }
}

pb::JournalEnded AgentSupervisor::failed(const pb::Order& order, std::uint32_t index,
                                         std::int64_t started_us, const std::string& why) const {
  pb::JournalEnded out;
  auto* ended = out.mutable_ended();
  ended->set_action(order.action());
  ended->set_epoch(order.epoch());
  ended->set_index(index);
  ended->set_outcome(pb::FAILED);
  ended->set_started_us(started_us);
  ended->set_ended_us(now_us());
  add_error(*ended, why);
  return out;
}

// Before anything is journalled. A script that could not be had, or is another one, is refused when
// its turn comes.
Result<void> AgentSupervisor::check_policy(const pb::Order& order,
                                           const std::vector<Fd>& files) const {
  RB_TRY(check_order(deps_.policy, order, local_minute(deps_.clock.now())));
  for (int i = 0; i < order.commands_size(); ++i) {
    const Fd& file = files[static_cast<std::size_t>(i)];
    if (file.valid()) {
      RB_TRY(check_script(deps_.policy, order.commands(i), file.get()));
    }
  }
  return {};
}

// Everything that can be done before the intent is on disk. Errors: the text for the report.
Result<PreparedScript> AgentSupervisor::prepare(Job& job, std::uint32_t index,
                                                StreamFiles& streams) {
  const pb::Command& command = job.order.commands(static_cast<int>(index));
  if (command.type() != pb::RUN_SCRIPT) {
    return Error{Errc::invalid_input,
                 "Unsupported: this agent runs scripts only (RunScript), so far"};
  }
  Fd script = std::move(job.files[index]);
  if (!script.valid()) {
    return Error{Errc::unavailable, "ScriptUnavailable: the script could not be fetched"};
  }
  auto sealed = seal_memory_file(script.get());
  auto digest = sealed.ok() ? digest_file(script.get()) : Result<WrittenResult>(sealed.error());
  if (!digest.ok()) {
    return Error{Errc::io, "ScriptUnavailable: " + digest.error().message};
  }
  if (as_bytes(digest->sha256) != command.file_sha256()) {
    return Error{Errc::mismatch, "HashMismatch: the script is not the one that was signed"};
  }
  // Again, and of the sealed bytes: the order may be of an earlier life, the hours may have
  // changed.
  auto allowed = check_hours(deps_.policy, local_minute(deps_.clock.now()));
  if (allowed.ok()) {
    allowed = check_script(deps_.policy, command, script.get());
  }
  if (!allowed.ok()) {
    return allowed.error();
  }
  auto folder = deps_.spool.work_folder(job.action);
  auto files = folder.ok() ? deps_.spool.make_streams(job.action, index)
                           : Result<StreamFiles>(folder.error());
  if (!files.ok()) {
    const bool full = files.error().code == Errc::storage_full;
    return Error{files.error().code,
                 (full ? "DiskFull: " : "CouldNotStart: ") + files.error().message};
  }
  streams = std::move(*files);
  return prepare_script(command, std::move(script), *folder, job.action, index);
}

// before: the end of the previous command, which goes to disk together with this one's intent.
void AgentSupervisor::start_command(Job job, std::uint32_t index, std::vector<Entry> before) {
  const bool ends_previous = !before.empty();
  const bool is_new = job.received_now;
  const std::uint64_t epoch = job.order.epoch();
  std::optional<std::string> refusal;
  if (is_window_over(job)) {
    if (index == 0) {
      if (void_action(job.action, epoch)) {
        send_not_started(job.action, epoch);
      }
      return;
    }
    refusal = "WindowOver: the time for this action was over before the command could start";
  }
  StreamFiles streams;
  PreparedScript script;
  if (!refusal) {
    auto prepared = prepare(job, index, streams);
    if (prepared.ok()) {
      script = std::move(*prepared);
    } else {
      refusal = prepared.error().message;
    }
  }
  if (is_new) {
    before.insert(before.begin(), entry(job.receipt));
    job.received_now = false;
  }
  if (refusal) {
    const pb::SignedOrder& bytes =
        is_new ? job.receipt.order() : find(job.action)->received->order();
    before.push_back(with_receipt(failed(job.order, index, 0, *refusal), bytes));
  } else {
    pb::JournalIntent intent;
    intent.set_action(job.order.action());
    intent.set_index(index);
    intent.set_at_us(now_us());
    intent.set_boot(std::string(deps_.boot.bytes()));
    const ActionRecord* record = find(job.action);
    const bool resumed = RB_VARIANT("resume") && record != nullptr &&
                         index < record->commands.size() && record->commands[index].intent;
    if (RB_VARIANT("exec_first")) {
      deps_.events.post([this, intent] { append({entry(intent)}); });
    } else if (!resumed) {
      before.push_back(entry(intent));
    }
  }
  if (is_new) {
    RB_FAILPOINT("agent.order.before_journal");
  }
  if (!append(std::move(before))) {
    if (is_new) {
      refuse(job.receipt.order(), job.order, "Unhealthy: the journal does not take the order");
    }
    return;
  }
  if (is_new) {
    RB_FAILPOINT("agent.order.after_journal");
    send_received(job.action, epoch);
  }
  if (ends_previous) {
    RB_FAILPOINT("agent.command.after_ended");
    report(job.action, index - 1);
  }
  if (refusal) {
    log_warning("command not started", {field("action", job.action.text()), field("index", index),
                                        field("why", *refusal)});
    report(job.action, index);
    return;
  }
  RB_FAILPOINT("agent.command.after_intent");
  run_command(std::move(job), index, std::move(script), std::move(streams));
}

void AgentSupervisor::run_command(Job job, std::uint32_t index, PreparedScript script,
                                  StreamFiles streams) {
  const ActionId id = job.action;
  const pb::Command& command = job.order.commands(static_cast<int>(index));
  script.spec.stdout_file = streams.out.get();
  script.spec.stderr_file = streams.err.get();
  // Once more: this process may have stood still since the last look. Source: trust.md F31.
  const bool late = is_window_over(job) && !RB_VARIANT("pause");
  auto started =
      late ? Result<void>(Error{Errc::timed_out, "the time for this action is over"})
           : deps_.processes.start(script.spec, [this](const ProcessEnd& end) { on_ended(end); });
  if (!started.ok()) {
    const std::string why = (late ? "WindowOver: " : "CouldNotStart: ") + started.error().message;
    if (append({with_receipt(failed(job.order, index, 0, why), find(id)->received->order())})) {
      report(id, index);
    }
    return;
  }
  RB_FAILPOINT("agent.command.after_spawn");
  Running run;
  run.action = id;
  run.index = index;
  run.started_us = now_us();
  run.streams = std::move(streams);
  run.limit =
      deps_.events.after(std::chrono::milliseconds(command.timeout_ms()), [this] { on_limit(); });
  running_ = std::move(run);
  running_job_ = std::move(job);
  report(id, index);
}

void AgentSupervisor::on_limit() {
  if (running_) {
    running_->timed_out = true;
    deps_.processes.kill();
  }
}

pb::JournalEnded AgentSupervisor::make_end(const ProcessEnd& end) {
  const ActionRecord& record = *find(running_->action);
  const pb::Command& command = record.order.commands(static_cast<int>(running_->index));
  pb::JournalEnded out;
  auto* ended = out.mutable_ended();
  ended->set_action(record.order.action());
  ended->set_epoch(record.epoch());
  ended->set_index(running_->index);
  ended->set_outcome(pb::COMPLETED);
  ended->set_started_us(running_->started_us);
  ended->set_ended_us(now_us());
  ended->set_has_exit_code(true);
  ended->set_exit_code(end.exit_code);
  if (end.killed) {
    ended->set_outcome(pb::FAILED);
    if (running_->cancelled) {
      add_error(*ended, "Cancelled: the action was cancelled while the command ran");
    } else if (running_->timed_out) {
      add_error(*ended, fmt::format("TimedOut: the command ran longer than {} ms and was ended",
                                    command.timeout_ms()));
    } else {
      add_error(*ended, std::string(kInterrupted));
    }
  }
  add_truncation(*ended, "script_output", end.out);
  add_truncation(*ended, "script_errors", end.err);
  return out;
}

void AgentSupervisor::on_ended(const ProcessEnd& end) {
  if (ending_ || !running_) {
    return;
  }
  running_->limit.reset();
  if (!running_->forgotten) {
    ScriptOutcome outcome;
    outcome.script_name =
        find(running_->action)->order.commands(static_cast<int>(running_->index)).file_name();
    outcome.exit_code = end.exit_code;
    running_->storing = std::make_unique<ResultStoring>(
        deps_.spool, running_->action, running_->index, std::move(outcome),
        std::move(running_->streams), make_end(end));
  }
  store_result();
}

// The result goes to disk before the end is journalled: a crash in between is an interruption.
void AgentSupervisor::store_result() {
  if (ending_ || !running_) {
    return;
  }
  const ActionId id = running_->action;
  const std::uint32_t index = running_->index;
  if (running_->forgotten) {
    running_.reset();
    settle(id);
    start_next();
    return;
  }
  if (!running_->storing->store_some()) {
    running_->next_slice = deps_.events.after(Duration(0), [this] { store_result(); });
    return;
  }
  pb::JournalEnded ended = running_->storing->ended();
  add_receipt(ended, find(id)->received->order(), running_->storing->written());
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
