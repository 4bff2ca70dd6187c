// What the write-ahead log shows is made what the disk has.
#pragma once

#include <string>

#include "base/result.h"

namespace reachback::server {

// Writes the bytes of the database's write-ahead log once more, in their places, and syncs it; no
// log is no error. Before the first connection opens the database. After a failed sync, or when the
// program was killed before one, the kernel shows pages of the log that are not on the disk, and a
// later sync does not write them: SQLite would take their transactions for durable. The bytes stay
// the same, so a power loss meanwhile leaves the log as it was. `vfs`: empty for SQLite's own.
// Errors: unavailable (cannot be read, written or synced), storage_full. Source: trust.md F14;
// Linux, fsync after an error (2018).
Result<void> rewrite_log(const std::string& database, const std::string& vfs);

}  // namespace reachback::server
