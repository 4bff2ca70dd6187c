// Audit records of changes of settings, by whoever makes them.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "server/ports/audit_entry.h"
#include "server/store_sqlite/audit_chain.h"

namespace reachback::server {

inline Result<void> write_admin_audit(Db& db, const TenantId& tenant, Timestamp at,
                                      const ChangedBy& by, const char* kind, std::string object,
                                      std::string detail) {
  AuditRow row;
  row.tenant = tenant.bytes();
  row.at = to_micros(at);
  row.kind = kind;
  row.principal = by.principal;
  row.token_id = by.token_id;
  row.peer_ip = by.peer_ip;
  if (by.request) {
    row.request = std::string(as_bytes(*by.request));
  }
  row.object = std::move(object);
  row.detail = std::move(detail);
  return append_audit_row(db, row);
}

inline std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

}  // namespace reachback::server
