// Reading an audit file and checking its chain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/audit_file/chain.h"

namespace reachback::server {

// The records of one write-and-sync are not longer together, so a power loss tears no more than
// this.
inline constexpr std::uint64_t kAuditGroupBytesMax = 4 << 20;

struct VerifyReport {
  struct Problem {
    std::uint64_t line = 0;    // from 1: the first line that does not belong where it stands
    std::uint64_t offset = 0;  // of its first byte
    std::string what;          // for people
    // The end of the file is what a power loss leaves of a write that was never acknowledged: a
    // line without its end, or a hole of NUL bytes.
    bool torn_tail = false;
  };
  std::uint64_t records = 0;              // good ones, from the beginning
  std::uint64_t good_bytes = 0;           // theirs
  AuditHead head;                         // after them
  std::vector<AuditHead> database_heads;  // that stand in the records read, of kDatabaseHeadKind
  std::optional<Problem> problem;
};

// The record whose object is the head of the database's chain (text_of(AuditHead)).
inline constexpr std::string_view kDatabaseHeadKind = "database_head";

// A place up to which the file was checked before.
struct AuditCheckpoint {
  std::uint64_t bytes = 0;
  AuditHead head;
};

// Deleted, changed, inserted and reordered records are problems at their position. A cut-off end
// leaves a good chain; it is seen by comparing with heads that were kept elsewhere: `kept`.
// `from`: what is before it is counted as good and not read. Errors: not_found, io.
Result<VerifyReport> verify_audit_file(const std::string& path, std::vector<AuditHead> kept = {},
                                       const AuditCheckpoint& from = {});

}  // namespace reachback::server
