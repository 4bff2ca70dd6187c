#include "server/link/agent_hub.h"

#include "base/log.h"
#include "protocol/codec.h"

namespace reachback::server {

std::optional<Claim> AgentHub::claim(const MachineId& machine) const {
  ReadLock lock(mutex_);
  auto found = entries_.find(machine);
  if (found == entries_.end() || !found->second.session->is_fresh()) {
    return std::nullopt;
  }
  return found->second.claim;
}

bool AgentHub::push(const MachineId& machine, const pb::ToAgent& message) {
  std::shared_ptr<SessionEnd> session;
  {
    WriteLock lock(mutex_);
    auto found = entries_.find(machine);
    if (found == entries_.end()) {
      return false;
    }
    session = found->second.session;
    if (message.has_execute_order()) {
      note_pushed(found->second, message.execute_order());
    }
  }
  auto frame = std::make_shared<std::string>(protocol::encode(message));
  if (session->loop().on_thread()) {
    session->send(*frame);
  } else {
    session->loop().post([session, frame] { session->send(*frame); });
  }
  return true;
}

void AgentHub::note_pushed(Entry& entry, const pb::ExecuteOrder& message) {
  auto order = protocol::decode_order(message.order().order());
  auto action = order ? ActionId::from_bytes(order->action()) : std::nullopt;
  if (action) {
    entry.pushed_action = *action;
    entry.pushed_epoch = order->epoch();
  }
}

void AgentHub::add(Claim claim, std::shared_ptr<SessionEnd> session) {
  std::shared_ptr<SessionEnd> older;
  MachineId machine = claim.machine;
  {
    WriteLock lock(mutex_);
    Entry& entry = entries_[machine];
    older = std::move(entry.session);
    entry = Entry{std::move(claim), std::move(session), ActionId(), 0};
  }
  if (older) {
    log_warning("second session of one machine", {field("machine", machine.text())});
    older->loop().post(
        [older] { older->end("another session of this machine took over", /*permanent=*/false); });
  }
}

void AgentHub::remove(const MachineId& machine, const SessionEnd* session) {
  WriteLock lock(mutex_);
  auto found = entries_.find(machine);
  if (found != entries_.end() && found->second.session.get() == session) {
    entries_.erase(found);
  }
}

void AgentHub::heartbeat(const MachineId& machine, const SessionEnd* session, std::uint64_t seq) {
  WriteLock lock(mutex_);
  auto found = entries_.find(machine);
  if (found != entries_.end() && found->second.session.get() == session &&
      seq > found->second.claim.heartbeat) {
    found->second.claim.heartbeat = seq;
  }
}

void AgentHub::holds(const MachineId& machine, const SessionEnd* session, const ActionId& action,
                     std::uint64_t epoch) {
  WriteLock lock(mutex_);
  auto found = entries_.find(machine);
  if (found != entries_.end() && found->second.session.get() == session &&
      found->second.pushed_action == action && found->second.pushed_epoch == epoch) {
    found->second.claim.held_action = action;
    found->second.claim.held_epoch = epoch;
  }
}

std::size_t AgentHub::size() const {
  ReadLock lock(mutex_);
  return entries_.size();
}

void AgentHub::end_all(std::string_view reason) {
  std::vector<std::shared_ptr<SessionEnd>> sessions;
  {
    ReadLock lock(mutex_);
    for (auto& [machine, entry] : entries_) {
      sessions.push_back(entry.session);
    }
  }
  for (auto& session : sessions) {
    session->loop().post(
        [session, reason = std::string(reason)] { session->end(reason, /*permanent=*/false); });
  }
}

}  // namespace reachback::server
