// What happened, read from both chains of the audit as one list, the newest first.
#pragma once

#include <string>
#include <vector>

#include "server/ports/action_store.h"
#include "server/ports/audit_reader.h"
#include "server/ports/directory.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// What is empty does not matter. Texts are compared whole, `who` without regard to case.
struct ActivityQuery {
  std::size_t top = 0;
  std::string before;  // ActivityPage::next_before of the page before
  std::string who, what;
  std::optional<MachineId> machine;
  std::optional<ActionId> action;
};

enum class AuditSource { database, access };

struct ActivityRecord {
  AuditSource source = AuditSource::database;
  AuditItem item;
};

struct ActivityPage {
  std::vector<ActivityRecord> records;  // may be fewer than asked for, and others still follow
  std::string next_before;              // empty: nothing follows
};

// Any thread, but no loop's: it blocks on the disk. What it borrows outlives it.
class Activity {
 public:
  struct Deps {
    AuditChain& database;
    AuditChain& access;
    ActionStore& actions;
    MachineStore& machines;
  };
  // scan_max: so many records are looked at in one call.
  Activity(const Deps& deps, std::size_t scan_max) : deps_(deps), scan_max_(scan_max) {}

  // Of the caller's tenant, and, where only some machines exist for the caller, of these.
  // Errors: invalid_query (`before`), corrupt, io, unavailable.
  Result<ActivityPage> read(const Principal& by, const ActivityQuery& query);

 private:
  Deps deps_;
  std::size_t scan_max_;
};

}  // namespace reachback::server
