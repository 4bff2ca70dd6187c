// The truth about actions. All calls: any thread; `done` exactly once, either before the call
// returns or later on the store's thread (never block in it). Every write is all-or-nothing, and
// durable (survives power loss) when `done` says ok. Writes that one thread asks for, one behind
// the other, are best done in that order and in one commit; a caller may hope for it, not count on
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/action/action.h"
#include "server/ports/audit_entry.h"
#include "server/ports/interactive_sessions.h"
#include "server/ports/listing.h"

namespace reachback::server {

// Names a POST that must not be done twice. Source: Idempotency-Key draft (409/422), trust.md F02,
// F03.
struct IdempotencyKey {
  std::string caller;  // application or user
  std::string key;
  Sha256 body{};  // digest of machine id and body
};

struct InsertLimits {
  std::uint64_t active_max = 0;  // Pending + InProgress of the tenant; 0: no limit
  // The action is this line of an open session, which keeps it in the same transaction.
  std::optional<SessionLine> session_line = {};
};

struct Inserted {
  action::Action action;
  bool replayed =
      false;  // the idempotency key was known: this is the earlier action, nothing was written
};

using ActionPage = Page<action::Action>;

class ActionStore {
 public:
  virtual ~ActionStore() = default;

  // A0. action.version is set to 1. Errors: already_active (the machine has an unfinished action),
  // too_many_requests (active_max), mismatch (the key came with another body), already_exists (the
  // id), not_found (the session of the line), conflict (it has ended), unavailable, storage_full.
  virtual void insert(action::Action action, std::optional<IdempotencyKey> key, InsertLimits limits,
                      AuditEntry audit, Done<Inserted> done) = 0;
  // The action that a POST with this key made; nullopt: none that is committed. Nothing but
  // insert() decides: this only lets a repeat be answered although what it names is gone meanwhile.
  // Errors: mismatch (the key came with another body), unavailable.
  virtual void find_key(TenantId tenant, IdempotencyKey key,
                        Done<std::optional<action::Action>> done) = 0;
  // Errors: not_found (also another tenant's), unavailable.
  virtual void get(TenantId tenant, ActionId id, Done<action::Action> done) = 0;
  // Compare-and-set on next.version == stored version; stored version becomes next.version + 1 and
  // is in the result. Errors: conflict (read again, step again), not_found, unavailable,
  // storage_full, internal (an invariant is broken; nothing written).
  virtual void replace(action::Action next, AuditEntry audit, Done<action::Action> done) = 0;
  // The unfinished action of a machine, if any.
  virtual void active_of(TenantId tenant, MachineId machine,
                         Done<std::optional<action::Action>> done) = 0;
  // A query about action_entity(), as odata/evaluate.h has it, of the actions of the machines in
  // the scope. What cannot be read is left out, and counted. Errors: invalid_query (it takes more
  // than work_max), unavailable.
  virtual void list(MachineScope scope, odata::Query query, ListBounds bounds,
                    Done<ActionPage> done) = 0;
  // Unfinished actions of every tenant whose deadline() is at or before `now`, oldest deadline
  // first.
  virtual void due(Timestamp now, std::size_t limit, Done<std::vector<action::Action>> done) = 0;
};

}  // namespace reachback::server
