// The audit's file of access records, as those see it who write to it.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::server {

// A record of the hash-chained file: what has no row of its own in the database, so mints,
// downloads, sign-ins, library calls (decisions.md 21, docs/adr/0005). `done` when the record is on
// disk; many waiters share one fsync.
struct AccessRecord {
  Timestamp at{};
  TenantId tenant;
  std::string kind;       // "mint", "download", "sign_in", "library_upload", ...
  std::string principal;  // requestor, or "link" for a download
  std::string token_id;   // jti, or the link's signature digest
  std::string object;     // action/index or blob name
  std::string result;     // "200", "403", ...
  std::string peer_ip;
  std::optional<Sha256> request{};  // CallOrigin::request; none for a link
};

// Any thread.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // Errors: io, storage_full: the caller must refuse what it was about to allow.
  virtual void append(AccessRecord record, Done<void> done) = 0;
};

}  // namespace reachback::server
