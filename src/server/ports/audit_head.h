// The end of one of the audit's two hash chains (docs/adr/0005). What is entered into the other
// chain and exported, so that a cut-off end is seen, too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace reachback::server {

struct AuditHead {
  std::uint64_t seq = 0;  // of the last record; 0: there is none
  Sha256 hash{};
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// "<seq> <hash in hex>"; one spelling.
inline std::string text_of(const AuditHead& head) {
  return std::to_string(head.seq) + " " + to_hex(as_bytes(head.hash));
}
// nullopt: not in that form.
std::optional<AuditHead> parse_audit_head(std::string_view text);

}  // namespace reachback::server
