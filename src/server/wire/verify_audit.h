// `verify-audit`: both chains, and their links.
#pragma once

#include <cstdint>
#include <string>

#include "server/wire/data_folder.h"

namespace reachback::server {

struct AuditSummary {
  std::uint64_t file_records = 0, database_rows = 0;
  std::uint64_t links = 0;  // heads of the database's chain in the file, all of which fit
  std::uint64_t kept = 0;   // pairs of exported heads, all of which fit
  bool torn_tail = false;   // the file ends in a write that was never acknowledged
};

// heads_file: exported heads (head_export.h); empty: none are compared. Also beside a running
// server. Errors: corrupt (the message names the file or table, the first broken position and
// why), not_found, io.
Result<AuditSummary> verify_audit(const DataPaths& paths, const std::string& heads_file);

}  // namespace reachback::server
