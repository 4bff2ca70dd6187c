// What is about files: PutFile, GetFile and Collect.
#include <fmt/format.h>

#include "agent/collect/collect.h"
#include "agent/command/fetch_file.h"
#include "agent/supervisor/agent_supervisor.h"
#include "base/bytes.h"
#include "base/log.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kSaidBytesMax = 2000;  // of a reader's standard error, for the log

}  // namespace

Result<AgentSupervisor::Ready> AgentSupervisor::prepare_put(const pb::Command& command, Job& job,
                                                            std::uint32_t index) {
  RB_TRY_ASSIGN(Fd file, take_file(command, job, index));
  auto place = deps_.spool.make_work_file(job.action, index);
  if (!place.ok()) {
    return could_not_start(place.error());
  }
  Ready out;
  out.placing = std::make_unique<FilePlacing>(deps_.spool, job.action, index, command.file_name(),
                                              std::move(file), std::move(*place));
  return out;
}

void AgentSupervisor::place_file() {
  if (ending_ || !running_) {
    return;
  }
  if (running_->forgotten) {
    leave_forgotten();
    return;
  }
  running_->timed_out = deps_.clock.since_boot() >= running_->ends;
  const bool ended_early = running_->cancelled || running_->timed_out;
  auto placed = ended_early ? Result<bool>(true) : running_->placing->place_some();
  if (placed.ok() && !*placed) {
    running_->next_slice = deps_.events.after(Duration(0), [this] { place_file(); });
    return;
  }
  if (placed.ok() && !ended_early && running_command().keep()) {
    if (auto kept = deps_.spool.keep_work_folder(running_->action, deps_.boot); !kept.ok()) {
      placed = could_not_start(kept.error());
    }
  }
  pb::JournalEnded out = end_now(ended_early);
  if (!placed.ok()) {
    out.mutable_ended()->set_outcome(pb::FAILED);
    add_error(*out.mutable_ended(), placed.error().message);
  }
  if (placed.ok() && !ended_early) {
    tell_where(out);
  }
  add_receipt(out, find(running_->action)->received->order(), nullptr);
  finish_command(out);
}

// Where the file of a PutFile stands.
void AgentSupervisor::tell_where(pb::JournalEnded& ended) const {
  const pb::Command& command = running_command();
  auto folder = deps_.spool.work_folder(running_->action);
  if (!folder.ok()) {
    log_warning("the file is placed, and cannot be said where",
                {field("action", running_->action.text()), field("why", folder.error().message)});
    return;
  }
  auto* file = ended.mutable_ended()->mutable_file();
  file->set_path(to_valid_utf8(*folder + "/" + command.file_name()));
  file->set_bytes(command.file_bytes());
  file->set_sha256(command.file_sha256());
}

// For a process whose result is a file.
Result<AgentSupervisor::Ready> AgentSupervisor::prepare_file(const ActionId& action,
                                                             std::uint32_t index) {
  auto streams = deps_.spool.make_streams(action, index);
  auto file = streams.ok() ? deps_.spool.make_result(action, index) : Result<Fd>(streams.error());
  if (!file.ok()) {
    return could_not_start(file.error());
  }
  Ready out;
  out.streams = std::move(*streams);
  out.file = std::move(*file);
  return out;
}

Result<AgentSupervisor::Ready> AgentSupervisor::prepare_get(const pb::Command& command,
                                                            const ActionId& action,
                                                            std::uint32_t index) {
  RB_TRY_ASSIGN(Ready out, prepare_file(action, index));
  out.spec = fetch_process(FetchOrder{command.path(), command.raw(), command.output_bytes_max(),
                                      deps_.policy.read_roots},
                           out.file.get(), action, index);
  return out;
}

Result<AgentSupervisor::Ready> AgentSupervisor::prepare_collect(const ActionId& action,
                                                                std::uint32_t index) {
  RB_TRY_ASSIGN(Ready out, prepare_file(action, index));
  out.spec = collect_process(CollectOrder{deps_.policy.read_roots}, out.file.get(), action, index);
  return out;
}

void AgentSupervisor::on_fetched(const ProcessEnd& end) {
  pb::JournalEnded out = end_now(end.killed);
  auto taken = end.killed ? Result<void>() : take_fetched(end, out);
  if (!taken.ok()) {
    out.mutable_ended()->set_outcome(pb::FAILED);
    add_error(*out.mutable_ended(), taken.error().message);
  }
  for (pb::UploadKind kind : {pb::RESULT, pb::RAW_STDOUT, pb::RAW_STDERR}) {
    if (kind != pb::RESULT || !out.spooled()) {
      deps_.spool.remove(running_->action, running_->index, kind);
    }
  }
  add_receipt(out, find(running_->action)->received->order(), nullptr);
  finish_command(out);
}

// Errors: the text for the report.
Result<void> AgentSupervisor::take_fetched(const ProcessEnd& end, pb::JournalEnded& ended) {
  auto report = read_fetch_report(running_->streams.out.get());
  if (!report.ok()) {
    std::string said(kSaidBytesMax, '\0');
    auto size = read_at(running_->streams.err.get(), said.data(), said.size(), 0);
    said.resize(size.ok() ? *size : 0);
    log_error("the reader of a file ended without a report",
              {field("code", end.exit_code), field("said", said)});
    return Error{Errc::io, fmt::format("ReadFailed: the process that reads the file ended with "
                                       "code {} and did not say why",
                                       end.exit_code)};
  }
  if (!report->error().empty()) {
    return Error{Errc::io, report->error()};
  }
  if (auto synced = deps_.spool.sync(running_->fetched); !synced.ok()) {
    const bool full = synced.error().code == Errc::storage_full;
    return Error{synced.error().code,
                 (full ? "DiskFull: " : "ResultLost: ") + synced.error().message};
  }
  ended.set_spooled(true);
  ended.set_result_bytes(report->stored_bytes());
  ended.set_result_sha256(report->stored_sha256());
  auto* result = ended.mutable_ended()->mutable_result();
  result->set_bytes(report->stored_bytes());
  result->set_sha256(report->stored_sha256());
  auto* file = ended.mutable_ended()->mutable_file();
  file->set_path(report->path());
  file->set_bytes(report->bytes());
  file->set_sha256(report->sha256());
  return {};
}

}  // namespace reachback::agent
