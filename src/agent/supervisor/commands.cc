// Which command is next, and what is done before it starts.
#include "agent/builtin/builtin.h"
#include "agent/ports/memory_file.h"
#include "agent/supervisor/agent_supervisor.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/variant.h"
#include "protocol/words.h"

namespace reachback::agent {
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

// The file that the command names, as it was signed. Errors: the text for the report.
Result<Fd> AgentSupervisor::take_file(const pb::Command& command, Job& job,
                                      std::uint32_t index) const {
  const bool is_script = command.type() == pb::RUN_SCRIPT;
  const std::string what = is_script ? "the script" : "the file";
  const std::string unavailable = is_script ? "ScriptUnavailable: " : "FileUnavailable: ";
  Fd file = std::move(job.files[index]);
  if (!file.valid()) {
    return Error{Errc::unavailable, unavailable + what + " could not be fetched"};
  }
  auto sealed = seal_memory_file(file.get());
  auto digest = sealed.ok() ? digest_file(file.get()) : Result<WrittenResult>(sealed.error());
  if (!digest.ok()) {
    return Error{Errc::io, unavailable + digest.error().message};
  }
  if (as_bytes(digest->sha256) != command.file_sha256()) {
    return Error{Errc::mismatch, "HashMismatch: " + what + " is not the one that was signed"};
  }
  // Again, and of the sealed bytes: the order may be of an earlier life.
  RB_TRY(check_script(deps_.policy, command, file.get()));
  return file;
}

Result<AgentSupervisor::Ready> AgentSupervisor::prepare_run(const pb::Command& command, Job& job,
                                                            std::uint32_t index) {
  RB_TRY_ASSIGN(Fd script, take_file(command, job, index));
  auto folder = deps_.spool.work_folder(job.action);
  auto files = folder.ok() ? deps_.spool.make_streams(job.action, index)
                           : Result<StreamFiles>(folder.error());
  if (!files.ok()) {
    return could_not_start(files.error());
  }
  RB_TRY_ASSIGN(PreparedScript prepared,
                prepare_script(command, std::move(script), *folder, job.action, index));
  Ready out;
  out.spec = std::move(prepared.spec);
  out.file = std::move(prepared.script);
  out.streams = std::move(*files);
  return out;
}

Result<AgentSupervisor::Ready> AgentSupervisor::prepare_built_in(const pb::Command& command,
                                                                 const ActionId& action,
                                                                 std::uint32_t index) {
  auto streams = deps_.spool.make_streams(action, index);
  if (!streams.ok()) {
    return could_not_start(streams.error());
  }
  BuiltInOrder order;
  RB_TRY_ASSIGN(order.words, protocol::split_words(command.args()));
  order.words.insert(order.words.begin(), command.file_name());
  order.folder = command.path();
  order.roots = deps_.policy.read_roots;
  Ready out;
  out.spec = built_in_process(order, command.output_bytes_max(), action, index);
  out.streams = std::move(*streams);
  return out;
}

// Everything that can be done before the intent is on disk. Errors: the text for the report.
Result<AgentSupervisor::Ready> AgentSupervisor::prepare(Job& job, std::uint32_t index) {
  const pb::Command& command = job.order.commands(static_cast<int>(index));
  // Again: the hours may have changed meanwhile.
  RB_TRY(check_hours(deps_.policy, local_minute(deps_.clock.now())));
  switch (command.type()) {
    case pb::RUN_SCRIPT:
      return prepare_run(command, job, index);
    case pb::PUT_FILE:
      return prepare_put(command, job, index);
    case pb::GET_FILE:
      return prepare_get(command, job.action, index);
    case pb::BUILT_IN:
      return prepare_built_in(command, job.action, index);
    case pb::COLLECT:
      return prepare_collect(job.action, index);
    case pb::TERMINAL:
      return prepare_terminal(command, job.action, index);
    default:
      return Error{Errc::invalid_input, "Unsupported: a command of an unknown type"};
  }
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
  Ready ready;
  if (!refusal) {
    auto prepared = prepare(job, index);
    if (prepared.ok()) {
      ready = std::move(*prepared);
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
  if (!append(before)) {
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
  run_command(std::move(job), index, std::move(ready));
}

}  // namespace reachback::agent
