// A call's word to the audit.
#pragma once

#include <string>

#include "server/ports/audit_entry.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// What the audit is told of a change that `by` asked for.
inline AuditEntry audit_of(const Principal& by, Timestamp at, std::string kind,
                           std::string detail) {
  return AuditEntry{at,          std::move(kind),   by.requestor,     std::move(detail),
                    by.token_id, by.origin.peer_ip, by.origin.request};
}

}  // namespace reachback::server
