// How far the audit file was checked, kept beside it, so that a start does not read gigabytes. Not
// evidence: verify-audit reads everything.
#pragma once

#include <string>

#include "server/audit_file/verify.h"

namespace reachback::server {

// As much is checked again at a start, at most, and a file that is not longer always whole.
inline constexpr std::uint64_t kCheckpointEveryBytes = 64 << 20;

// `audit` is the audit file's path; the checkpoint is `audit`.checked.
Result<void> write_checkpoint(const std::string& audit, const AuditCheckpoint& checkpoint);
// The beginning of the file, unless a checkpoint is there and the record before it is the one it
// names.
AuditCheckpoint read_checkpoint(const std::string& audit);

}  // namespace reachback::server
