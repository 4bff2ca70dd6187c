// Checking the hash chain of a database's audit table, from the outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/ports/audit_head.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

struct AuditRowsReport {
  struct Problem {
    std::uint64_t seq = 0;  // the first position at which what stands there does not belong
    std::string what;       // for people
  };
  std::uint64_t rows = 0;  // good ones, from the beginning
  AuditHead head;          // after them
  std::optional<Problem> problem;
};

// Deleted, changed, inserted and reordered rows are problems at their position, and so is an end
// that is shorter than, or another than, one of the `kept` heads. Also beside a running server;
// reads a snapshot. Errors: not_found, corrupt (no database of ours), unavailable.
Result<AuditRowsReport> verify_audit_rows(const std::string& database,
                                          std::vector<AuditHead> kept = {});
// The same on an open connection.
Result<AuditRowsReport> verify_audit_rows(Db& db, std::vector<AuditHead> kept = {});

}  // namespace reachback::server
