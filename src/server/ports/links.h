// Hints and live sessions: how a stored decision reaches an agent quickly. Losing either costs
// time, never truth.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

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
  // The run of the agent and the number of this connection in it.
  std::string life;
  std::uint64_t attempt = 0;
  std::uint64_t order_keys_version = 1;  // of the newest list of order keys that it keeps
  Timestamp since{};                     // when the session began
  // One grant of one action.
  struct Grant {
    ActionId action;
    std::uint64_t epoch = 0;
    bool is(const ActionId& a, std::uint64_t e) const {
      return e != 0 && epoch == e && action == a;
    }
  };
  // The newest ones: an agent may still owe reports of earlier actions.
  class Grants {
   public:
    bool has(const ActionId& action, std::uint64_t epoch) const {
      return std::any_of(newest_.begin(), newest_.end(),
                         [&](const Grant& g) { return g.is(action, epoch); });
    }
    void add(const Grant& grant) {
      if (has(grant.action, grant.epoch)) {
        return;
      }
      if (newest_.size() == kMax) {
        newest_.erase(newest_.begin());
      }
      newest_.push_back(grant);
    }

   private:
    static constexpr std::size_t kMax = 32;  // ours
    std::vector<Grant> newest_;
  };
  Grant held;    // pushed over this session and in the agent's journal: need not be pushed again
  Grants told;   // in the agent's journal, as it has said over this session
  Grants taken;  // in the journal of an agent of this machine, as earlier sessions have said
};

class AgentLinks {
 public:
  virtual ~AgentLinks() = default;
  // nullopt: not connected here; not to be given anything (it does not keep its contact yet, or is
  // in quarantine); or not heard of for longer than a heartbeat takes: nothing is granted to an
  // agent that has probably gone, its next heartbeat asks for it. Any thread.
  virtual std::optional<Claim> claim(const MachineId& machine) const = 0;
  // The machines of a tenant that have a claim, in no order. Any thread.
  virtual std::vector<MachineId> online(const TenantId& tenant) const = 0;
  // Queues a message to the agent's session; false: not connected. An order goes to the session
  // that it was made for, or nowhere. Any thread.
  virtual bool push(const MachineId& machine, const pb::ToAgent& message) = 0;
  // What a running command has written behind these offsets (the question's number is filled in):
  // as soon as there is something, its end, or nothing after some seconds. `done` on any thread.
  // Errors: unavailable (not connected here, the connection ended, no answer in time).
  virtual void read_output(const MachineId& machine, pb::ReadOutput question,
                           Done<pb::OutputPiece> done) = 0;
  // Types into a terminal that runs (the number is filled in). `done` on any thread; what the agent
  // refuses stands in its answer. Errors: unavailable, as for read_output().
  virtual void type_input(const MachineId& machine, pb::TerminalInput input,
                          Done<pb::TerminalTaken> done) = 0;
  // What this session says does not fit what an earlier one said: a clone or a restored snapshot.
  // The machine is put in quarantine. Any thread.
  virtual void suspect(const MachineId& machine, const std::string& session, std::string why) = 0;
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

// Signs orders; the key may live in another process. Any thread.
class OrderSigner {
 public:
  virtual ~OrderSigner() = default;
  // order_keys_version: of the list that the agent keeps; the newest key of it signs. `done` on any
  // thread. Errors: unavailable (the signer is not there: the order stays unsent, and the next
  // dispatch asks again), forbidden (the signer does not sign this).
  virtual void sign(pb::Order order, std::uint64_t order_keys_version,
                    Done<pb::SignedOrder> done) = 0;
};

// The keys whose orders agents obey, as one list with a version that grows. Any thread.
class OrderKeys {
 public:
  virtual ~OrderKeys() = default;
  // Of the newest list; 0: not known, for the signer has not been reached yet.
  virtual std::uint64_t version() const = 0;
  virtual std::vector<std::string> public_keys() const = 0;  // SubjectPublicKeyInfo DER
  // The newest list, signed by keys of earlier ones; without signatures while there is no earlier.
  virtual pb::SignedOrderKeys announcement() const = 0;
};

}  // namespace reachback::server
