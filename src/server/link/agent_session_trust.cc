// What a session has to do with trust: contacts and quarantine, order keys, refused orders,
// receipts.
#include "base/log.h"
#include "protocol/signing.h"
#include "server/link/agent_session.h"

namespace reachback::server {

void AgentSession::suspect(std::string why) {
  if (!closed_ && !ending_ && claim_) {
    quarantine(claim_->tenant, claim_->machine, std::move(why));
  }
}

// A clone and a machine set back to a snapshot look alike, and either may start again what has
// started: the machine gets nothing more until a person has looked (trust.md T39, F18).
void AgentSession::quarantine(const TenantId& tenant, const MachineId& machine, std::string why) {
  deps_.hub.quarantine(machine);
  log_error("machine in quarantine: a clone, or a restored snapshot",
            {field("machine", machine.text()), field("peer", socket_->peer_ip()), field("why", why),
             field("next", "reachback-server machine clear")});
  AccessRecord record;
  record.at = deps_.clock.now();
  record.tenant = tenant;
  record.kind = "machine_quarantined";
  record.principal = machine.text();
  record.object = why;
  record.result = "quarantined";
  record.peer_ip = socket_->peer_ip();
  deps_.audit.append(std::move(record), [](Result<void> written) {
    if (!written) {
      log_error("a quarantine is not in the audit file", {field("error", written.error().message)});
    }
  });
  deps_.machines.set_quarantine(tenant, machine, Quarantine{deps_.clock.now(), std::move(why)},
                                back_here<void>([this](Result<void> stored) {
                                  if (!stored) {
                                    end("try again later", /*permanent=*/false);
                                    return;
                                  }
                                  send_away();
                                }));
}

void AgentSession::send_away() {
  if (closed_ || ending_) {
    return;
  }
  ending_ = true;
  queue_.clear();
  pb::ToAgent message;
  auto& goodbye = *message.mutable_goodbye();
  goodbye.set_reason(
      "this machine is in quarantine: another one has its key, or it was set back to an older "
      "state; an operator has to clear it");
  goodbye.set_reconnect_hint_ms(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(limits_.quarantine_hint).count()));
  send(message);
  socket_->close(1000, "quarantine");
}

// To an agent that keeps an older list than the newest one.
void AgentSession::announce_order_keys() {
  if (deps_.order_keys.version() <= claim_->order_keys_version) {
    return;
  }
  pb::ToAgent message;
  *message.mutable_order_keys() = deps_.order_keys.announcement();
  if (message.order_keys().signatures_size() > 0) {
    send(message);
  }
}

// From here on an older contact is a clone's, so from here on there may be grants.
void AgentSession::on_contact_kept(const pb::ContactKept& m) {
  if (m.contact() != contact_) {
    handled();
    return;
  }
  deps_.machines.contact_kept(
      claim_->tenant, claim_->machine, m.contact(), back_here<void>([this](Result<void> stored) {
        if (!stored) {
          end(stored.error().code == Errc::conflict ? "another session of this machine came later"
                                                    : "try again later",
              /*permanent=*/false);
          return;
        }
        deps_.hub.confirm(claim_->machine, this);
        deps_.live_response.dispatch(claim_->tenant, claim_->machine);
        handled();
      }));
}

void AgentSession::on_order_keys_kept(const pb::OrderKeysKept& m) {
  deps_.machines.order_keys_kept(
      claim_->tenant, claim_->machine, m.version(),
      back_here<void>([this, version = m.version()](Result<void> stored) {
        if (stored) {
          deps_.hub.order_keys(claim_->machine, this, version);
        }
        handled();
      }));
}

void AgentSession::on_order_received(const pb::OrderReceived& m) {
  if (deps_.hub.received(claim_->machine, this, *ActionId::from_bytes(m.action()), m.epoch())) {
    deps_.live_response.dispatch(claim_->tenant, claim_->machine);
  }
  handled();
}

// A refusal ends an action only when it is the very order that was pushed last, and nothing of the
// action is left on the machine. Any other is somebody else's order: reported, and no more.
void AgentSession::on_order_refused(const pb::OrderRefused& m) {
  ActionId id = *ActionId::from_bytes(m.action());
  const bool ours = deps_.hub.refused(claim_->machine, this, id, m.epoch(), m.order_sha256());
  const bool ends = ours && m.never_runs();
  log_warning(ours ? "an order was refused" : "an order that was not pushed here was refused",
              {field("machine", claim_->machine.text()), field("action", id.text()),
               field("epoch", m.epoch()), field("why", m.reason())});
  AccessRecord record;
  record.at = deps_.clock.now();
  record.tenant = claim_->tenant;
  record.kind = "order_refused";
  record.principal = claim_->machine.text();
  record.token_id = to_hex(m.order_sha256());
  record.object = id.text() + "/" + std::to_string(m.epoch());
  record.result = m.reason().substr(0, m.reason().find(':'));
  record.peer_ip = socket_->peer_ip();
  deps_.audit.append(
      std::move(record), back_here<void>([this, ends, action = m.action(), epoch = m.epoch(),
                                          reason = m.reason()](Result<void> written) {
        if (!written) {
          log_error("a refused order is not in the audit file",
                    {field("error", written.error().message)});
        }
        if (!ends) {
          handled();
          return;
        }
        auto self = shared_from_this();
        report(action, epoch, action::OrderRefused{epoch, claim_->generation, reason},
               [self] { self->handled(); });
      }));
}

std::string AgentSession::checked_receipt(const pb::CommandEnded& m) const {
  if (!m.has_receipt() || !machine_key_) {
    return {};
  }
  auto receipt = protocol::verify_receipt(m.receipt(), *machine_key_);
  const bool fits = receipt.ok() && receipt->action() == m.action() &&
                    receipt->epoch() == m.epoch() && receipt->index() == m.index() &&
                    (!m.has_result() || receipt->result_sha256() == m.result().sha256()) &&
                    (!m.has_file() || receipt->file_sha256() == m.file().sha256());
  if (!fits) {
    log_error("a receipt that is not the machine's word on its command was dropped",
              {field("machine", claim_->machine.text()), field("index", m.index()),
               field("why", receipt.ok() ? "it names something else" : receipt.error().message)});
    return {};
  }
  return m.receipt().signature() + m.receipt().receipt();
}

}  // namespace reachback::server
