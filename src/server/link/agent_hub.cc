#include "server/link/agent_hub.h"

#include "base/log.h"
#include "crypto/digest.h"
#include "protocol/codec.h"

namespace reachback::server {
namespace {

bool is_later(const Claim& a, const Claim& b) {
  return !a.life.empty() && a.life == b.life && a.attempt > b.attempt;
}

}  // namespace

std::optional<Claim> AgentHub::claim(const MachineId& machine) const {
  ReadLock lock(mutex_);
  auto found = entries_.find(machine);
  if (found == entries_.end() || !has_claim(found->second)) {
    return std::nullopt;
  }
  Claim claim = found->second.claim;
  if (auto taken = taken_.find(machine); taken != taken_.end()) {
    claim.taken = taken->second;
  }
  return claim;
}

std::vector<MachineId> AgentHub::online(const TenantId& tenant) const {
  ReadLock lock(mutex_);
  std::vector<MachineId> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    if (entry.claim.tenant == tenant && has_claim(entry)) {
      out.push_back(id);
    }
  }
  return out;
}

bool AgentHub::has_claim(const Entry& entry) {
  return entry.confirmed && !entry.in_quarantine && entry.session->is_fresh();
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
    if (message.has_execute_order() && !note_pushed(found->second, message.execute_order())) {
      return false;
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

// False: the order is not for this session, or this session gets none.
bool AgentHub::note_pushed(Entry& entry, const pb::ExecuteOrder& message) {
  auto order = protocol::decode_order(message.order().order());
  auto action = order ? ActionId::from_bytes(order->action()) : std::nullopt;
  if (!action || order->session() != entry.claim.session || !entry.confirmed ||
      entry.in_quarantine) {
    return false;
  }
  entry.pushed = Claim::Grant{*action, order->epoch()};
  entry.pushed_sha256 = std::string(as_bytes(crypto::sha256(message.order().order())));
  return true;
}

std::shared_ptr<SessionEnd> AgentHub::asked_of(const MachineId& machine) const {
  ReadLock lock(mutex_);
  auto found = entries_.find(machine);
  const bool may =
      found != entries_.end() && found->second.confirmed && !found->second.in_quarantine;
  return may ? found->second.session : nullptr;
}

template <typename Answer>
void AgentHub::ask(std::shared_ptr<SessionEnd> session, AgentQuestions<Answer>& questions,
                   std::uint64_t number, const pb::ToAgent& message) {
  session->loop().post([&questions, session, number, frame = protocol::encode(message)] {
    // On the loop of the session, where it ends: either it is still there, or lost() has been or
    // never will be called for it.
    if (session->is_over()) {
      questions.fail(session.get(), number,
                     Error{Errc::unavailable, "the agent is not connected any more"});
    } else {
      session->send(frame);
    }
  });
}

void AgentHub::read_output(const MachineId& machine, pb::ReadOutput question,
                           Done<pb::OutputPiece> done) {
  auto session = asked_of(machine);
  if (!session) {
    done(Error{Errc::unavailable, "the machine is not connected"});
    return;
  }
  const std::uint64_t number = reads_.add(session.get(), std::move(done));
  pb::ToAgent message;
  *message.mutable_read_output() = std::move(question);
  message.mutable_read_output()->set_number(number);
  ask(std::move(session), reads_, number, message);
}

void AgentHub::type_input(const MachineId& machine, pb::TerminalInput input,
                          Done<pb::TerminalTaken> done) {
  auto session = asked_of(machine);
  if (!session) {
    done(Error{Errc::unavailable, "the machine is not connected"});
    return;
  }
  const std::uint64_t number = typed_.add(session.get(), std::move(done));
  pb::ToAgent message;
  *message.mutable_terminal_input() = std::move(input);
  message.mutable_terminal_input()->set_number(number);
  ask(std::move(session), typed_, number, message);
}

void AgentHub::suspect(const MachineId& machine, const std::string& session_name, std::string why) {
  std::shared_ptr<SessionEnd> session;
  {
    ReadLock lock(mutex_);
    auto found = entries_.find(machine);
    if (found == entries_.end() || found->second.claim.session != session_name) {
      return;
    }
    session = found->second.session;
  }
  session->loop().post([session, why = std::move(why)] { session->suspect(why); });
}

void AgentHub::add(Claim claim, bool in_quarantine, std::shared_ptr<SessionEnd> session) {
  std::shared_ptr<SessionEnd> older;
  MachineId machine = claim.machine;
  {
    WriteLock lock(mutex_);
    Entry& entry = entries_[machine];
    if (entry.session && is_later(entry.claim, claim)) {
      older = std::move(session);
    } else {
      older = std::move(entry.session);
      entry = Entry();
      entry.claim = std::move(claim);
      entry.session = std::move(session);
      entry.in_quarantine = in_quarantine;
    }
  }
  if (older) {
    log_warning("second session of one machine", {field("machine", machine.text())});
    older->loop().post(
        [older] { older->end("another session of this machine took over", /*permanent=*/false); });
  }
}

AgentHub::Entry* AgentHub::find(const MachineId& machine, const SessionEnd* session) {
  auto found = entries_.find(machine);
  return found != entries_.end() && found->second.session.get() == session ? &found->second
                                                                           : nullptr;
}

void AgentHub::remove(const MachineId& machine, const SessionEnd* session) {
  reads_.lost(session);
  typed_.lost(session);
  WriteLock lock(mutex_);
  if (find(machine, session) != nullptr) {
    entries_.erase(machine);
  }
}

void AgentHub::confirm(const MachineId& machine, const SessionEnd* session) {
  WriteLock lock(mutex_);
  if (Entry* entry = find(machine, session)) {
    entry->confirmed = true;
  }
}

void AgentHub::quarantine(const MachineId& machine) {
  WriteLock lock(mutex_);
  auto found = entries_.find(machine);
  if (found != entries_.end()) {
    found->second.in_quarantine = true;
  }
}

void AgentHub::heartbeat(const MachineId& machine, const SessionEnd* session, std::uint64_t seq) {
  WriteLock lock(mutex_);
  Entry* entry = find(machine, session);
  if (entry != nullptr && seq > entry->claim.heartbeat) {
    entry->claim.heartbeat = seq;
  }
}

void AgentHub::order_keys(const MachineId& machine, const SessionEnd* session,
                          std::uint64_t version) {
  WriteLock lock(mutex_);
  if (Entry* entry = find(machine, session)) {
    entry->claim.order_keys_version = version;
  }
}

bool AgentHub::received(const MachineId& machine, const SessionEnd* session, const ActionId& action,
                        std::uint64_t epoch) {
  WriteLock lock(mutex_);
  Entry* entry = find(machine, session);
  if (entry == nullptr) {
    return false;
  }
  const Claim::Grant grant{action, epoch};
  entry->claim.told.add(grant);
  taken_[machine].add(grant);
  if (entry->pushed.is(action, epoch)) {
    entry->claim.held = grant;
    return false;
  }
  return true;
}

bool AgentHub::refused(const MachineId& machine, const SessionEnd* session, const ActionId& action,
                       std::uint64_t epoch, std::string_view order_sha256) {
  WriteLock lock(mutex_);
  Entry* entry = find(machine, session);
  if (entry == nullptr || !entry->pushed.is(action, epoch) ||
      entry->pushed_sha256 != order_sha256) {
    return false;
  }
  entry->claim.held = entry->pushed;
  return true;
}

std::size_t AgentHub::size() const {
  ReadLock lock(mutex_);
  return entries_.size();
}

void AgentHub::send_all(const pb::ToAgent& message) {
  auto frame = std::make_shared<std::string>(protocol::encode(message));
  ReadLock lock(mutex_);
  for (auto& [machine, entry] : entries_) {
    entry.session->loop().post([session = entry.session, frame] { session->send(*frame); });
  }
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

void AgentHub::end_one(const MachineId& machine, std::string_view reason) {
  std::shared_ptr<SessionEnd> session;
  {
    ReadLock lock(mutex_);
    auto found = entries_.find(machine);
    if (found == entries_.end()) {
      return;
    }
    session = found->second.session;
  }
  session->loop().post(
      [session, reason = std::string(reason)] { session->end(reason, /*permanent=*/false); });
}

}  // namespace reachback::server
