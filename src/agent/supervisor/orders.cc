// What the server sends, and the session it sends it on.
#include <fmt/format.h>

#include <cstdlib>

#include "agent/ports/memory_file.h"
#include "agent/supervisor/agent_supervisor.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/variant.h"
#include "crypto/digest.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::agent {
namespace {

constexpr Duration kClockTolerance = std::chrono::minutes(5);
constexpr std::size_t kJobsMax = 16;

ActionId action_of(const std::string& bytes) {
  return ActionId::from_bytes(bytes).value_or(ActionId());  // The codec has checked the length.
}

bool has_started(const ActionRecord& action) {
  for (const CommandRecord& c : action.commands) {
    if (c.intent || c.ended) {
      return true;
    }
  }
  return false;
}

bool all_ended(const ActionRecord& action) {
  for (const CommandRecord& c : action.commands) {
    if (!c.ended) {
      return false;
    }
  }
  return true;
}

// One sealed file per command: the inlined ones, and those that the session downloaded. Where there
// is none, the command says so when its turn comes.
std::vector<Fd> take_files(const pb::ExecuteOrder& message, const pb::Order& order,
                           std::vector<Fd> files) {
  files.resize(static_cast<std::size_t>(order.commands_size()));
  for (int i = 0; i < message.files_size() && i < order.commands_size(); ++i) {
    if (message.files(i).inlined()) {
      auto file = sealed_memory_file(message.files(i).content());
      files[static_cast<std::size_t>(i)] = file.ok() ? std::move(*file) : Fd();
    }
  }
  return files;
}

// What an action may add to the journal beside the commands themselves: its order, and where each
// file was read or placed, in the end and in its receipt.
std::size_t journal_bytes(const pb::SignedOrder& bytes, const pb::Order& order) {
  std::size_t out = 2 * bytes.order().size();
  for (const auto& command : order.commands()) {
    const bool names_file = command.type() == pb::GET_FILE || command.type() == pb::PUT_FILE ||
                            command.type() == pb::COLLECT;
    out += names_file ? 2 * protocol::kFetchedPathBytesMax : 0;
  }
  return out;
}

pb::JournalClosed closed(const ActionId& id, std::string_view reason, bool by_cancel,
                         std::int64_t at_us) {
  pb::JournalClosed m;
  m.set_action(std::string(id.bytes()));
  m.set_reason(std::string(reason));
  m.set_by_cancel(by_cancel);
  m.set_at_us(at_us);
  return m;
}

pb::JournalVoided voided(const ActionId& id, std::uint64_t epoch) {
  pb::JournalVoided m;
  m.set_action(std::string(id.bytes()));
  m.set_epoch(epoch);
  return m;
}

}  // namespace

AgentSupervisor::AgentSupervisor(Identity identity, SupervisorDeps deps)
    : identity_(std::move(identity)),
      deps_(std::move(deps)),
      life_(deps_.random.bytes(16)),
      receipt_head_(deps_.journal.state().receipt_head),
      live_output_(deps_.events, [this](pb::ToServer piece) { send(std::move(piece)); }) {}

pb::Hello AgentSupervisor::begin_session(const Challenge& challenge,
                                         std::function<void(pb::ToServer)> send) {
  send_ = std::move(send);
  welcomed_ = false;
  live_output_.disconnected();
  session_ = deps_.random.bytes(16);
  unkept_contact_.clear();
  clock_is_good_ = challenge.server_time &&
                   std::chrono::abs(deps_.clock.now() - *challenge.server_time) < kClockTolerance;
  pb::Hello::Body body = deps_.facts();
  body.set_public_key(identity_.key.public_key().spki());
  body.set_generation(std::string(deps_.journal.state().generation.bytes()));
  body.set_boot(std::string(deps_.boot.bytes()));
  body.set_nonce(session_);
  body.set_last_contact(deps_.last_contact);
  body.set_order_keys_version(identity_.order_keys_version);
  body.set_life(life_);
  body.set_attempt(++attempts_);
  // Before it is sent, so that the window never ends after the server's.
  anchors_.begin_session(session_, deps_.clock.since_boot());
  return protocol::sign_hello(body, challenge.server_nonce, challenge.exporter, identity_.key);
}

std::uint64_t AgentSupervisor::next_heartbeat() {
  keep_contact();
  return anchors_.next_heartbeat(deps_.clock.since_boot());
}

void AgentSupervisor::end_session() {
  send_ = nullptr;
  welcomed_ = false;
  live_output_.disconnected();
}

void AgentSupervisor::deliver(const pb::ToAgent& message, std::vector<Fd> files) {
  switch (message.message_case()) {
    case pb::ToAgent::kWelcome:
      on_welcome(message.welcome());
      return;
    case pb::ToAgent::kExecuteOrder:
      on_order(message.execute_order(), std::move(files));
      return;
    case pb::ToAgent::kCancelAction:
      on_cancel(message.cancel_action());
      return;
    case pb::ToAgent::kReportAcknowledged:
      on_acknowledged(message.report_acknowledged());
      return;
    case pb::ToAgent::kReadOutput:
      live_output_.asked(message.read_output());
      return;
    case pb::ToAgent::kTerminalInput:
      on_terminal_input(message.terminal_input());
      return;
    case pb::ToAgent::kUploadAgain:
      on_upload_again(message.upload_again());
      return;
    case pb::ToAgent::kForgetAction:
      on_forget(message.forget_action());
      return;
    case pb::ToAgent::kOrderKeys:
      on_order_keys(message.order_keys());
      return;
    case pb::ToAgent::kUploadGrant:
    case pb::ToAgent::kGoodbye:
    case pb::ToAgent::MESSAGE_NOT_SET:
      return;  // The session's.
  }
}

Result<pb::Order> AgentSupervisor::verify(const pb::SignedOrder& order) const {
  for (const auto& key : identity_.order_keys) {
    if (protocol::key_id(key) == order.key_id()) {
      return protocol::verify_order(order, key);
    }
  }
  return Error{Errc::unauthenticated, "order: signed by an unknown key"};
}

void AgentSupervisor::refuse(const pb::SignedOrder& bytes, const pb::Order& order,
                             const std::string& reason) {
  const ActionId id = action_of(order.action());
  log_warning("order refused",
              {field("action", id.text()), field("epoch", order.epoch()), field("why", reason)});
  const ActionRecord* known = find(id);
  pb::ToServer out;
  auto* m = out.mutable_order_refused();
  m->set_action(order.action());
  m->set_epoch(order.epoch());
  m->set_reason(reason.substr(0, protocol::kReasonBytesMax));
  m->set_order_sha256(std::string(as_bytes(crypto::sha256(bytes.order()))));
  m->set_never_runs(known == nullptr || known->is_finished());
  send(std::move(out));
}

bool AgentSupervisor::is_past(std::int64_t not_after_us) const {
  // A wrong clock decides nothing: the window on the boot clock is the bound then.
  return clock_is_good_ && not_after_us > 0 && now_us() > not_after_us;
}

void AgentSupervisor::on_order(const pb::ExecuteOrder& message, std::vector<Fd> files) {
  auto claimed = protocol::decode_order(message.order().order());
  if (!claimed.ok()) {
    // A server that waits for an answer gets one, whether or not the order can be named.
    pb::Order named;
    if (!named.ParseFromString(message.order().order()) ||
        named.action().size() != ActionId::kBytes || named.epoch() == 0) {
      named.set_action(std::string(ActionId::kBytes, '\0'));
      named.set_epoch(1);
    }
    refuse(message.order(), named, "Malformed: " + claimed.error().message);
    return;
  }
  auto verified = verify(message.order());
  if (!verified.ok()) {
    refuse(message.order(), *claimed, "SignatureRequired: " + verified.error().message);
    return;
  }
  const pb::Order& order = *verified;
  const ActionId id = action_of(order.action());
  if (order.machine() != identity_.machine.bytes() || order.tenant() != identity_.tenant.bytes()) {
    refuse(message.order(), order, "WrongMachine: the order is for another machine");
    return;
  }
  const ActionRecord* known = find(id);
  const bool is_regrant = known != nullptr && !known->received && known->closed &&
                          known->closed->reason() == kVoidedReason &&
                          order.epoch() > known->voided_epoch;
  const bool is_leased_again =
      RB_VARIANT("lease_regrant") && known != nullptr && order.epoch() > known->epoch();
  if (known != nullptr && !is_regrant && !is_leased_again) {
    // What is asked again is answered from the journal; its scripts may be needed too.
    on_known_order(id, message.order(), order, take_files(message, order, std::move(files)));
    return;
  }
  if (order.generation() != deps_.journal.state().generation.bytes() && !RB_VARIANT("replay")) {
    refuse(message.order(), order, "OtherGeneration: the agent's journal has begun anew");
    return;
  }
  if (ending_ || jobs_.size() >= kJobsMax) {
    return;  // The server repeats it to the next session.
  }
  auto sent = anchors_.sent_at(order.session(), order.heartbeat());
  if (RB_VARIANT("replay") && !sent) {
    sent = deps_.clock.since_boot();
  }
  const Duration window = std::chrono::milliseconds(order.window_ms());
  if (!sent) {
    // A captured order, or one for a clone of this machine: the server makes a fresh one for this
    // session if it means this session.
    refuse(message.order(), order, "OtherSession: the order was made for another session");
    return;
  }
  if (deps_.clock.since_boot() >= *sent + window) {
    if (void_action(id, order.epoch())) {
      send_not_started(id, order.epoch());
    }
    return;
  }
  if (is_past(order.not_after_us())) {
    refuse(message.order(), order, "Expired: the order was valid until an earlier time");
    return;
  }
  files = take_files(message, order, std::move(files));
  if (auto allowed = check_policy(order, files); !allowed.ok()) {
    refuse(message.order(), order, allowed.error().message);
    return;
  }
  auto reserved = deps_.journal.reserve(static_cast<std::size_t>(order.commands_size()),
                                        journal_bytes(message.order(), order));
  if (!reserved.ok()) {
    const bool full = reserved.error().code == Errc::storage_full;
    refuse(message.order(), order,
           (full ? "DiskFull: " : "Unhealthy: ") + reserved.error().message);
    return;
  }
  Job job;
  job.action = id;
  job.window_end = *sent + window;
  job.order = order;
  job.files = std::move(files);
  job.received_now = true;
  *job.receipt.mutable_order() = message.order();
  job.receipt.set_at_us(now_us());
  job.receipt.set_boot(std::string(deps_.boot.bytes()));
  job.receipt.set_window_ends_boottime_us(job.window_end.count());
  if (running_ || RB_VARIANT("noboot")) {
    // Something runs: this one waits, but the server hears now that it is here.
    RB_FAILPOINT("agent.order.before_journal");
    if (!append({entry(job.receipt)})) {
      refuse(message.order(), order, "Unhealthy: the journal does not take the order");
      return;
    }
    RB_FAILPOINT("agent.order.after_journal");
    job.received_now = false;
    send_received(id, order.epoch());
  }
  jobs_.push_back(std::move(job));
  start_next();
}

void AgentSupervisor::on_known_order(const ActionId& id, const pb::SignedOrder& bytes,
                                     const pb::Order& order, std::vector<Fd> files) {
  const ActionRecord& known = *find(id);
  if (order.epoch() < std::max(known.epoch(), known.voided_epoch)) {
    refuse(bytes, order, "OlderEpoch: a newer grant of this action has been here");
    return;
  }
  if (known.closed && known.closed->by_cancel()) {
    send_cancel_confirmed(id, order.epoch());
    report_all(id);
    return;
  }
  if (order.epoch() <= known.voided_epoch) {
    send_not_started(id, known.voided_epoch);
    return;
  }
  if (known.is_finished() || order.epoch() != known.epoch()) {
    refuse(bytes, order, "Duplicate: this action has ended here");
    return;
  }
  send_received(id, order.epoch());
  report_all(id);
  const bool waits = !known.is_over() && !all_ended(known) && !(running_ && running_->action == id);
  for (const Job& job : jobs_) {
    if (job.action == id) {
      return;
    }
  }
  if (!waits || ending_ || jobs_.size() >= kJobsMax ||
      (known.received->boot() != deps_.boot.bytes() && !RB_VARIANT("noboot"))) {
    return;
  }
  // Received in an earlier life of the agent, within the same boot: the window still counts.
  Job job;
  job.action = id;
  job.order = known.order;  // What was journalled is what runs.
  job.files = std::move(files);
  job.window_end = Duration(known.received->window_ends_boottime_us());
  jobs_.push_back(std::move(job));
  start_next();
}

// No command of this epoch ever starts. Only for an action of which nothing has started.
bool AgentSupervisor::void_action(const ActionId& id, std::uint64_t epoch) {
  return append({entry(voided(id, epoch)), entry(closed(id, kVoidedReason, false, now_us()))});
}

void AgentSupervisor::on_cancel(const pb::CancelAction& message) {
  const ActionId id = action_of(message.action());
  const ActionRecord* known = find(id);
  if (known != nullptr && known->closed && known->closed->by_cancel()) {
    send_cancel_confirmed(id, message.epoch());
    report_all(id);
    return;
  }
  const bool was_received = known != nullptr && known->received;
  if (was_received && (all_ended(*known) || (known->is_over() && has_started(*known)))) {
    report_all(id);
    return;
  }
  if (known != nullptr && known->is_finished() && known->closed->reason() != kVoidedReason) {
    return;  // Everything was acknowledged: the server knows how it ended.
  }
  std::erase_if(jobs_, [&](const Job& job) { return job.action == id; });
  if (running_ && running_->action == id) {
    running_->cancelled = true;
    running_job_.reset();
    deps_.processes.kill();
  }
  std::vector<Entry> entries;
  if (!was_received) {
    entries.push_back(entry(voided(id, message.epoch())));
  }
  entries.push_back(entry(closed(id, "cancelled", /*by_cancel=*/true, now_us())));
  if (RB_VARIANT("noclose")) {
    entries.clear();
  }
  if (!append(entries)) {
    return;
  }
  RB_FAILPOINT("agent.cancel.after_close");
  log_info("action cancelled", {field("action", id.text())});
  send_cancel_confirmed(id, message.epoch());
}

void AgentSupervisor::on_acknowledged(const pb::ReportAcknowledged& message) {
  const ActionId id = action_of(message.action());
  const ActionRecord* known = find(id);
  if (known == nullptr || known->epoch() != message.epoch() ||
      message.index() >= known->commands.size()) {
    return;
  }
  const CommandRecord& command = known->commands[message.index()];
  if (!command.ended || command.report_acked) {
    return;
  }
  pb::JournalReportAcked m;
  m.set_action(message.action());
  m.set_index(message.index());
  std::vector<Entry> entries = {entry(m)};
  bool others_wait = false;
  for (std::uint32_t i = 0; i < known->commands.size(); ++i) {
    const CommandRecord& c = known->commands[i];
    others_wait = others_wait || (i != message.index() && (c.intent || c.ended) && !c.report_acked);
  }
  if (!others_wait && !known->closed && (known->is_over() || all_ended(*known))) {
    entries.push_back(entry(closed(id, "done", /*by_cancel=*/false, now_us())));
  }
  if (!append(entries)) {
    return;
  }
  RB_FAILPOINT("agent.report.after_ack");
  std::erase_if(missing_, [&](const auto& upload) {
    return std::get<0>(upload) == id && std::get<1>(upload) == message.index();
  });
  for (pb::UploadKind kind : {pb::RESULT, pb::RAW_STDOUT, pb::RAW_STDERR}) {
    deps_.spool.remove(id, message.index(), kind);
  }
  const ActionRecord* now = find(id);
  if (now != nullptr && now->closed && now->closed->by_cancel()) {
    send_cancel_confirmed(id, message.epoch());
  }
  if (now != nullptr && message.index() + 1 < now->commands.size()) {
    report(id, message.index() + 1);
  }
  settle(id);
}

// The spool is kept until the report is acknowledged, so the bytes are still here.
void AgentSupervisor::on_upload_again(const pb::UploadAgain& message) {
  const ActionId id = action_of(message.action());
  const ActionRecord* known = find(id);
  if (known == nullptr || known->epoch() != message.epoch() ||
      message.index() >= known->commands.size()) {
    return;
  }
  const CommandRecord& command = known->commands[message.index()];
  if (!command.ended || command.report_acked) {
    return;
  }
  for (pb::UploadKind kind : {pb::RESULT, pb::RAW_STDOUT, pb::RAW_STDERR}) {
    missing_.insert({id, message.index(), kind});
  }
  report(id, message.index());
}

void AgentSupervisor::on_forget(const pb::ForgetAction& message) {
  const ActionId id = action_of(message.action());
  const ActionRecord* known = find(id);
  if (known == nullptr ||
      (known->is_finished() && !known->is_voided() && !known->closed->by_cancel()) ||
      message.epoch() < std::max(known->epoch(), known->voided_epoch)) {
    return;  // Nothing is left, or it is said of an older grant.
  }
  if (known->closed && known->closed->reason() == "forgotten" && known->is_finished()) {
    return;
  }
  log_info("action forgotten", {field("action", id.text()), field("why", message.reason())});
  std::erase_if(jobs_, [&](const Job& job) { return job.action == id; });
  std::erase_if(missing_, [&](const auto& upload) { return std::get<0>(upload) == id; });
  std::vector<Entry> entries;
  if (running_ && running_->action == id) {
    running_->forgotten = true;
    running_job_.reset();
    deps_.processes.kill();
  }
  for (std::uint32_t i = 0; i < known->commands.size(); ++i) {
    const CommandRecord& c = known->commands[i];
    if (c.intent && !c.ended) {
      entries.push_back(
          with_receipt(interrupted(*known, i, deps_.clock.now()), known->received->order()));
    }
    if ((c.intent || c.ended) && !c.report_acked) {
      pb::JournalReportAcked m;
      m.set_action(message.action());
      m.set_index(i);
      entries.push_back(entry(m));
    }
    for (pb::UploadKind kind : {pb::RESULT, pb::RAW_STDOUT, pb::RAW_STDERR}) {
      deps_.spool.remove(id, i, kind);
    }
  }
  const bool by_cancel = known->closed && known->closed->by_cancel();
  entries.push_back(entry(closed(id, "forgotten", by_cancel, now_us())));
  if (append(entries)) {
    settle(id);
  }
}

}  // namespace reachback::agent
