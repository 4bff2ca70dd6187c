// Interactive sessions: who works on which machine, and which actions were lines of it. Each line
// is written with its action (ActionStore::insert). Threads and durability as in action_store.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "server/action/action.h"
#include "server/ports/audit_entry.h"
#include "server/ports/listing.h"

namespace reachback::server {

struct InteractiveSession {
  TenantId tenant;
  SessionId id;
  MachineId machine;
  std::string machine_name;  // when it was opened
  std::string caller;        // Principal::caller: whose commands it takes
  std::string creator;       // the same, for people
  std::string comment;
  Timestamp created{};
  Timestamp last_used{};  // its newest line, or when it was opened
  std::optional<Timestamp> ended{};
  std::string end_reason{};
  std::uint64_t commands = 0;  // lines so far
  friend bool operator==(const InteractiveSession&, const InteractiveSession&) = default;
};

// Open sessions; 0: no limit.
struct OpenSessionLimits {
  std::uint64_t of_tenant = 0;
  std::uint64_t of_caller = 0;
  std::uint64_t of_machine = 0;
  // After so long without a line, and without one that is not final, a session ends.
  Duration idle = std::chrono::minutes(30);
};

// A line that becomes an action. `idle_before`: a session that was last used before is over.
struct SessionLine {
  SessionId session;
  std::string text;
  std::string folder;  // the current one
  Timestamp idle_before{};
};

struct SessionCommand {
  std::uint64_t number = 0;  // from 1 within the session
  std::string line;
  std::string folder;
  action::Action action;
};

// Why a session ended that nobody closed.
inline constexpr const char* kIdle = "idle";

class InteractiveSessionStore {
 public:
  virtual ~InteractiveSessionStore() = default;
  // session.created is now; idle ones of the tenant end first. Errors: conflict (the machine has as
  // many as it may; the message names one and whose it is), too_many_requests (the tenant or the
  // caller has), unavailable, storage_full.
  virtual void open(InteractiveSession session, OpenSessionLimits limits, AuditEntry audit,
                    Done<InteractiveSession> done) = 0;
  // Open or ended. Errors: not_found, unavailable.
  virtual void get(TenantId tenant, SessionId id, Done<InteractiveSession> done) = 0;
  // The open ones of the scope's machines, newest first.
  virtual void open_ones(MachineScope scope, Done<std::vector<InteractiveSession>> done) = 0;
  // The newest `most` lines, in order.
  virtual void commands(TenantId tenant, SessionId id, std::size_t most,
                        Done<std::vector<SessionCommand>> done) = 0;
  // The number of the line that this action is. Errors: not_found, unavailable.
  virtual void number_of(TenantId tenant, ActionId action, Done<std::uint64_t> done) = 0;
  // Ended already: nothing is written. Errors: not_found, unavailable, storage_full.
  virtual void end(TenantId tenant, SessionId id, std::string reason, AuditEntry audit,
                   Done<InteractiveSession> done) = 0;
  // Ends those of every tenant that are idle at `now`. How many.
  virtual void end_idle(Timestamp now, Duration idle, Done<std::size_t> done) = 0;
};

}  // namespace reachback::server
