// The beginning of a session: its contact, and the keys whose orders are obeyed.
#include "agent/supervisor/agent_supervisor.h"
#include "base/log.h"
#include "protocol/signing.h"

namespace reachback::agent {

void AgentSupervisor::on_welcome(const pb::Welcome& message) {
  if (message.machine() != identity_.machine.bytes()) {
    log_error("the server welcomes another machine");
    return;
  }
  welcomed_ = true;
  unkept_contact_ = message.contact();
  keep_contact();
  say_everything_again();
}

// The server takes whoever comes back with an older contact for a clone: so it is told of this one
// only when it is kept. Where it could not be, the next heartbeat tries again.
void AgentSupervisor::keep_contact() {
  if (unkept_contact_.empty()) {
    return;
  }
  if (auto kept = deps_.save_contact(unkept_contact_); !kept.ok()) {
    log_error("the contact was not kept: the server grants nothing to this session",
              {field("why", kept.error().message)});
    return;
  }
  deps_.last_contact = std::exchange(unkept_contact_, {});
  pb::ToServer out;
  out.mutable_contact_kept()->set_contact(deps_.last_contact);
  send(std::move(out));
}

// The keys whose orders are obeyed change only by the word of a key that is obeyed now.
void AgentSupervisor::on_order_keys(const pb::SignedOrderKeys& message) {
  auto keys = protocol::verify_order_keys(message, identity_.order_keys);
  if (!keys.ok()) {
    log_error("a list of order keys was refused", {field("why", keys.error().message)});
    return;
  }
  if (keys->version() < identity_.order_keys_version) {
    log_error("an older list of order keys was refused", {field("version", keys->version())});
    return;
  }
  if (keys->version() > identity_.order_keys_version) {
    Identity next = identity_;
    next.order_keys_version = keys->version();
    next.order_keys.clear();
    for (const auto& der : keys->keys()) {
      next.order_keys.push_back(*crypto::Ed25519PublicKey::from_spki(der));
    }
    if (auto saved = deps_.save_order_keys(next); !saved.ok()) {
      log_error("a list of order keys was not kept", {field("why", saved.error().message)});
      return;
    }
    identity_ = std::move(next);
    log_info("order keys changed", {field("version", identity_.order_keys_version),
                                    field("keys", identity_.order_keys.size())});
  }
  pb::ToServer out;
  out.mutable_order_keys_kept()->set_version(identity_.order_keys_version);
  send(std::move(out));
}

}  // namespace reachback::agent
