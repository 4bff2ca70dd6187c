// The hash chain of the database's audit table. A row's hash is the SHA-256 of
//   "reachback audit row 1\0" | seq u64 | hash of the row before (zeros before the first) |
//   tenant, action, at, kind, principal, object, detail, result, token_id, peer_ip, request,
// each field as length u32 and bytes, `at` as i64 microseconds, integers little-endian; an absent
// action or request has length 0xffffffff. Only the writer's connection appends, in the transaction
// of the change that the row tells of, so the chain has no record of what did not happen and misses
// none that did.
#pragma once

#include <optional>
#include <string>

#include "server/ports/audit_head.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

// As in the table, without what the chain gives.
struct AuditRow {
  std::string tenant;                 // bytes of the id
  std::optional<std::string> action;  // bytes of the id
  std::int64_t at = 0;                // microseconds since 1970
  std::string kind, principal, object, detail, result, token_id, peer_ip;
  std::optional<std::string> request;  // 32 bytes
};

Sha256 audit_row_hash(const AuditHead& before, const AuditRow& row);
// Inside a transaction.
Result<void> append_audit_row(Db& db, const AuditRow& row);
Result<AuditHead> audit_head(Db& db);

}  // namespace reachback::server
