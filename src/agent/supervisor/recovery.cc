// What a restart finds, what is said again, and the small things that all parts use.
#include "agent/supervisor/agent_supervisor.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/variant.h"
#include "protocol/attachment.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {

// Answers that nobody acknowledges are repeated for this long.
constexpr Duration kRepeatFor = std::chrono::hours(24 * 7);

pb::BlobRef* blob_of(pb::CommandEnded& ended, pb::UploadKind kind) {
  switch (kind) {
    case pb::RESULT:
      return ended.has_result() ? ended.mutable_result() : nullptr;
    case pb::RAW_STDOUT:
      return ended.has_raw_stdout() ? ended.mutable_raw_stdout() : nullptr;
    case pb::RAW_STDERR:
      return ended.has_raw_stderr() ? ended.mutable_raw_stderr() : nullptr;
    default:
      return nullptr;
  }
}

void clear_blob(pb::CommandEnded& ended, pb::UploadKind kind) {
  switch (kind) {
    case pb::RESULT:
      ended.clear_result();
      return;
    case pb::RAW_STDOUT:
      ended.clear_raw_stdout();
      return;
    case pb::RAW_STDERR:
      ended.clear_raw_stderr();
      return;
    default:
      return;
  }
}

// What readers of the result of GetFile or Collect may call it. Source: clients.md 29.
std::string result_name(const pb::Command& command, const pb::CommandEnded& ended) {
  if (command.type() == pb::COLLECT) {
    return protocol::download_name(ended.file().path(), protocol::kResultNameBytesMax);
  }
  if (command.type() != pb::GET_FILE) {
    return {};
  }
  const std::string name = command.path().substr(command.path().rfind('/') + 1);
  constexpr std::string_view kGzip = ".gz";
  return protocol::download_name(name, protocol::kResultNameBytesMax - kGzip.size()) +
         std::string(command.raw() ? "" : kGzip);
}

constexpr pb::UploadKind kKinds[] = {pb::RESULT, pb::RAW_STDOUT, pb::RAW_STDERR};

}  // namespace

Result<void> AgentSupervisor::recover() {
  std::vector<Entry> entries;
  std::set<ActionId> keep;
  for (const auto& [id, action] : deps_.journal.state().actions) {
    if (!action.received || action.is_finished()) {
      continue;
    }
    keep.insert(id);
    bool has_started = false, was_running = false;
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < action.commands.size(); ++i) {
      const CommandRecord& c = action.commands[i];
      has_started = has_started || c.intent || c.ended;
      next = c.ended ? i + 1 : next;
      if (c.intent && !c.ended && !RB_VARIANT("resume")) {
        was_running = true;
        const std::size_t ended = deps_.processes.kill_leftovers(id.text());
        log_warning("a command was interrupted",
                    {field("action", id.text()), field("index", i), field("killed", ended)});
        entries.push_back(
            with_receipt(interrupted(action, i, deps_.clock.now()), action.received->order()));
      }
    }
    if (action.is_over() || was_running || action.received->boot() == deps_.boot.bytes() ||
        RB_VARIANT("noboot")) {
      continue;
    }
    // The machine restarted: the window's clock began anew, so nothing starts any more.
    if (!has_started) {
      pb::JournalVoided voided;
      voided.set_action(std::string(id.bytes()));
      voided.set_epoch(action.epoch());
      pb::JournalClosed closed;
      closed.set_action(std::string(id.bytes()));
      closed.set_reason(std::string(kVoidedReason));
      closed.set_at_us(now_us());
      entries.push_back(entry(voided));
      entries.push_back(entry(closed));
    } else if (next < action.commands.size()) {
      entries.push_back(with_receipt(failed(action.order, next, 0,
                                            "Interrupted: the machine restarted before the "
                                            "command started"),
                                     action.received->order()));
    }
  }
  deps_.spool.remove_others(keep, deps_.boot);
  if (!entries.empty()) {
    RB_TRY(deps_.journal.append(entries));
  }
  return deps_.journal.compact_if_due();
}

void AgentSupervisor::shut_down() {
  ending_ = true;
  jobs_.clear();
  if (!running_) {
    return;
  }
  const ActionRecord* record = find(running_->action);
  deps_.processes.kill();
  if (record != nullptr && !running_->forgotten) {
    append({with_receipt(interrupted(*record, running_->index, deps_.clock.now()),
                         record->received->order())});
  }
}

void AgentSupervisor::say_everything_again() {
  const std::int64_t repeat_from = to_micros(deps_.clock.now() - kRepeatFor);
  for (const auto& [id, action] : deps_.journal.state().actions) {
    if (action.closed && action.closed->reason() != "forgotten" &&
        action.closed->at_us() >= repeat_from) {
      const std::uint64_t epoch = std::max(action.epoch(), action.voided_epoch);
      if (action.closed->by_cancel() && epoch != 0) {
        send_cancel_confirmed(id, epoch);
      } else if (action.closed->reason() == kVoidedReason) {
        send_not_started(id, action.voided_epoch);
      }
    }
    if (action.received && !action.is_finished()) {
      // Also of one that is closed and waits for its uploads, or for a disk: a server that does not
      // hear that this journal holds what has started takes it for another machine's.
      if (!action.closed || action.closed->reason() != kVoidedReason) {
        send_received(id, action.epoch());
      }
      report_all(id);
    }
  }
}

void AgentSupervisor::report_all(const ActionId& id) {
  const ActionRecord* record = find(id);
  for (std::uint32_t i = 0; record != nullptr && i < record->commands.size(); ++i) {
    report(id, i);
  }
}

// Says how the command ended, once everything that the report names stands in the blob store.
void AgentSupervisor::report(const ActionId& id, std::uint32_t index,
                             const std::map<int, pb::BlobRef>& fresh) {
  const ActionRecord* record = find(id);
  if (record == nullptr || !welcomed_) {
    return;  // It is said again to the next session.
  }
  const CommandRecord& command = record->commands[index];
  if (running_ && running_->action == id && running_->index == index) {
    if (!may_tell(*record, index)) {
      return;
    }
    pb::ToServer out;
    auto* m = out.mutable_command_started();
    m->set_action(record->order.action());
    m->set_epoch(record->epoch());
    m->set_index(index);
    m->set_at_us(running_->started_us);
    send(std::move(out));
    return;
  }
  if (!command.ended || command.report_acked) {
    return;
  }
  pb::CommandEnded ended = command.ended->ended();
  bool complete = true;
  for (pb::UploadKind kind : kKinds) {
    pb::BlobRef* blob = blob_of(ended, kind);
    if (blob == nullptr) {
      continue;
    }
    if (auto stored = fresh.find(kind); stored != fresh.end()) {
      *blob = stored->second;
      continue;
    }
    if (auto stored = command.blobs.find(kind);
        stored != command.blobs.end() && !missing_.contains({id, index, kind})) {
      *blob = stored->second;
      continue;
    }
    if (RB_VARIANT("early_report")) {
      blob->set_name(std::string(32, '0'));
      continue;
    }
    if (!deps_.spool.open(id, index, kind).ok()) {
      // Nothing may be said to be completed whose result nobody can read.
      ended.set_outcome(pb::FAILED);
      ended.add_errors("ResultLost: the output is no longer on this machine");
      clear_blob(ended, kind);
      continue;
    }
    complete = false;
    pb::ToServer out;
    auto* m = out.mutable_upload_request();
    m->set_action(ended.action());
    m->set_epoch(ended.epoch());
    m->set_index(index);
    m->set_kind(kind);
    m->set_bytes(blob->bytes());
    m->set_sha256(blob->sha256());
    m->set_file_name(result_name(record->order.commands(static_cast<int>(index)), ended));
    send(std::move(out));
  }
  if (complete && may_tell(*record, index)) {
    RB_FAILPOINT("agent.report.before_send");
    pb::ToServer out;
    *out.mutable_command_ended() = std::move(ended);
    send(std::move(out));
  }
}

// The server hears of the commands in their order, whichever upload is done first.
bool AgentSupervisor::may_tell(const ActionRecord& record, std::uint32_t index) const {
  for (std::uint32_t i = 0; i < index && i < record.commands.size(); ++i) {
    if (!record.commands[i].report_acked) {
      return false;
    }
  }
  return true;
}

Result<Fd> AgentSupervisor::open_spool(const pb::UploadRequest& request) {
  const auto id = ActionId::from_bytes(request.action());
  if (!id || find(*id) == nullptr) {
    return Error{Errc::not_found, "spool: nothing waits under this name"};
  }
  return deps_.spool.open(*id, request.index(), request.kind());
}

void AgentSupervisor::uploaded(const pb::UploadRequest& request, const std::string& blob_name) {
  const auto id = ActionId::from_bytes(request.action());
  const ActionRecord* record = id ? find(*id) : nullptr;
  if (record == nullptr || request.index() >= record->commands.size()) {
    return;
  }
  const CommandRecord& command = record->commands[request.index()];
  if (!command.ended || command.report_acked) {
    return;
  }
  missing_.erase({*id, request.index(), request.kind()});
  if (auto before = command.blobs.find(request.kind());
      before != command.blobs.end() && before->second.name() == blob_name) {
    report(*id,
           request.index());  // Uploaded twice: whoever asked again still waits for the report.
    return;
  }
  pb::CommandEnded ended = command.ended->ended();
  const pb::BlobRef* expected = blob_of(ended, request.kind());
  if (expected == nullptr || expected->sha256() != request.sha256()) {
    return;
  }
  pb::JournalBlobAcked m;
  m.set_action(request.action());
  m.set_index(request.index());
  m.set_kind(request.kind());
  *m.mutable_blob() = *expected;
  m.mutable_blob()->set_name(blob_name);
  if (!may_tell(*record, request.index())) {
    append({entry(m)});  // on_acknowledged() tells it, and has to find this.
    return;
  }
  // Said first: were this record lost, the bytes would only be uploaded once more.
  report(*id, request.index(), {{request.kind(), m.blob()}});
  deps_.events.post([this, id = *id, m = std::move(m)] {
    const ActionRecord* now = find(id);
    if (now != nullptr && m.index() < now->commands.size() &&
        !now->commands[m.index()].report_acked) {
      append({entry(m)});
    }
  });
}

void AgentSupervisor::settle(const ActionId& id) {
  const ActionRecord* record = find(id);
  if (record == nullptr || !record->is_finished() || (running_ && running_->action == id)) {
    return;
  }
  deps_.spool.remove_work_folder(id);
  if (auto compacted = deps_.journal.compact_if_due(); !compacted.ok()) {
    log_warning("the journal was not compacted", {field("why", compacted.error().message)});
  }
}

void AgentSupervisor::send(pb::ToServer message) {
  if (send_ && welcomed_) {
    send_(std::move(message));
  }
}

void AgentSupervisor::send_received(const ActionId& id, std::uint64_t epoch) {
  pb::ToServer out;
  out.mutable_order_received()->set_action(std::string(id.bytes()));
  out.mutable_order_received()->set_epoch(epoch);
  send(std::move(out));
}

void AgentSupervisor::send_cancel_confirmed(const ActionId& id, std::uint64_t epoch) {
  // What completed before the cancel is told first, so that it is not taken for cancelled.
  const ActionRecord* record = find(id);
  for (std::uint32_t i = 0; record != nullptr && i < record->commands.size(); ++i) {
    const CommandRecord& c = record->commands[i];
    if (c.ended && c.ended->ended().outcome() == pb::COMPLETED && !c.report_acked) {
      return;  // on_acknowledged() comes back here.
    }
  }
  // And what had started, so that it is not taken for never run: its start may have waited for the
  // report of an earlier command.
  for (std::uint32_t i = 0; record != nullptr && i < record->commands.size(); ++i) {
    const CommandRecord& c = record->commands[i];
    if (c.intent && !c.report_acked && !(c.ended && c.ended->ended().started_us() == 0)) {
      pb::ToServer out;
      auto* m = out.mutable_command_started();
      m->set_action(record->order.action());
      m->set_epoch(record->epoch());
      m->set_index(i);
      m->set_at_us(c.ended ? c.ended->ended().started_us() : c.intent->at_us());
      send(std::move(out));
    }
  }
  pb::ToServer out;
  out.mutable_cancel_confirmed()->set_action(std::string(id.bytes()));
  out.mutable_cancel_confirmed()->set_epoch(epoch);
  send(std::move(out));
}

void AgentSupervisor::send_not_started(const ActionId& id, std::uint64_t epoch) {
  pb::ToServer out;
  out.mutable_not_started()->set_action(std::string(id.bytes()));
  out.mutable_not_started()->set_epoch(epoch);
  send(std::move(out));
}

bool AgentSupervisor::append(const std::vector<Entry>& entries) {
  auto appended = deps_.journal.append(entries);
  if (!appended.ok()) {
    receipt_head_ = deps_.journal.state().receipt_head;
    log_error("Unhealthy: nothing starts until the agent is restarted",
              {field("why", appended.error().message)});
  }
  return appended.ok();
}

const ActionRecord* AgentSupervisor::find(const ActionId& id) const {
  const auto& actions = deps_.journal.state().actions;
  auto found = actions.find(id);
  return found == actions.end() ? nullptr : &found->second;
}

std::int64_t AgentSupervisor::now_us() const {
  return std::max<std::int64_t>(to_micros(deps_.clock.now()), 0);
}

}  // namespace reachback::agent
