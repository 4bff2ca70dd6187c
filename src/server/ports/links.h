// Hints and live sessions: how a stored decision reaches an agent quickly. Losing either costs
// time, never truth.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "protocol/agent_messages.h"
#include "server/ports/audit_log.h"
#include "server/ports/scheduler.h"

namespace reachback::server {

// A connected agent's standing claim: what its hello said.
struct Claim {
  TenantId tenant;
  MachineId machine;
  JournalGeneration generation;
  std::string session;          // 16 bytes, the hello's nonce
  std::uint64_t heartbeat = 0;  // newest heartbeat received
  // The order that this session's agent has said it holds in its journal: need not be pushed again.
  ActionId held_action;
  std::uint64_t held_epoch = 0;

  bool holds(const ActionId& action, std::uint64_t epoch) const {
    return held_epoch == epoch && held_action == action;
  }
};

class AgentLinks {
 public:
  virtual ~AgentLinks() = default;
  // nullopt: not connected here, or not heard of for longer than a heartbeat takes: nothing is
  // granted to an agent that has probably gone, its next heartbeat asks for it. Any thread.
  virtual std::optional<Claim> claim(const MachineId& machine) const = 0;
  // Queues a message to the agent's session; false: not connected. Any thread.
  virtual bool push(const MachineId& machine, const pb::ToAgent& message) = 0;
};

// "Something changed for this machine / action". May lose, repeat and reorder. Any thread;
// listeners are called on any thread.
class Notifier {
 public:
  virtual ~Notifier() = default;
  virtual void machine_hint(const TenantId& tenant,
                            const MachineId& machine) = 0;  // look for work for it
  virtual void action_hint(const TenantId& tenant,
                           const ActionId& action) = 0;  // its state changed
  // Set once, before traffic.
  virtual void listen(std::function<void(TenantId, MachineId)> on_machine,
                      std::function<void(TenantId, ActionId)> on_action) = 0;
};

// Signs orders. The key may live elsewhere later; hence a port. Any thread.
class OrderSigner {
 public:
  virtual ~OrderSigner() = default;
  virtual Result<pb::SignedOrder> sign(const pb::Order& order) = 0;
};

}  // namespace reachback::server
