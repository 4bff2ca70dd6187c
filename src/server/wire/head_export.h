// Where the heads of the audit's chains go, so that a cut-off end is seen by comparing: a file
// (best on another machine's disk) or the system's log. Source: trust.md T44.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "server/ports/audit_head.h"

namespace reachback::server {

struct AuditHeads {
  AuditHead file;
  AuditHead database;
  friend bool operator==(const AuditHeads&, const AuditHeads&) = default;
};

// One line of JSON without its newline: {"at":"...","file":"<seq> <hash>","database":"..."}.
std::string heads_line(Timestamp at, const AuditHeads& heads);
// Of every line that holds one, wherever in the line it begins (a system log writes before it).
std::vector<AuditHeads> parse_heads(std::string_view text);

struct HeadTarget {
  enum class Kind { none, syslog, file };
  Kind kind = Kind::none;
  std::string path;  // of the file, or of the system log's socket
};
// "none", "syslog", "syslog:SOCKET", "file:PATH". Errors: invalid_input.
Result<HeadTarget> parse_head_target(const std::string& text);

// Blocks. A file is appended to and synced; the system's log is sent one datagram (facility
// authpriv, priority notice).
Result<void> export_heads(const HeadTarget& target, Timestamp at, const AuditHeads& heads);

}  // namespace reachback::server
