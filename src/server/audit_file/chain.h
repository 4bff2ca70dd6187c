// Lines of the audit file. One record is one line of JSON:
//   {"seq":7,"prev":"<hash of record 6>","at":"2026-01-01T00:00:00Z","tenant":"...","kind":"mint",
//    "principal":"...","token_id":"...","object":"...","result":"200","peer_ip":"...",
//    "request":"<digest of the call; absent where there is none>","hash":"..."}
// hash is the SHA-256 of the line up to `,"hash"`, in hex; it covers prev, and so every record
// before it. The first record has seq 1 and 64 zeros as prev. No I/O here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/ports/audit_head.h"
#include "server/ports/audit_log.h"

namespace reachback::server {

// A field that is longer is cut and says so: a peer cannot make records of any size.
inline constexpr std::size_t kAuditFieldBytesMax = 4096;
// No line is longer: every byte of every field escaped, and the frame.
inline constexpr std::size_t kAuditLineBytesMax = 256 << 10;

// What does not depend on the chain: `"at":...,"peer_ip":"..."`.
std::string audit_body(const AccessRecord& record);
// Appends the line of the next record, with its newline, and moves `head` to it.
void append_audit_line(std::string& out, AuditHead& head, std::string_view body);
// Checks that `line` (without newline) is the record after `head` and moves head to it. Empty: it
// is; else what is wrong, for people.
std::string follow_audit_line(std::string_view line, AuditHead& head);
// Whether `line` is, by itself, the record of this head.
bool names_record(std::string_view line, const AuditHead& head);

}  // namespace reachback::server
