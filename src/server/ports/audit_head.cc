#include "server/ports/audit_head.h"

#include <charconv>

namespace reachback::server {

std::optional<AuditHead> parse_audit_head(std::string_view text) {
  AuditHead head;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), head.seq);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') {
    return std::nullopt;
  }
  auto hash = sha256_from_hex(text.substr(static_cast<std::size_t>(end - text.data()) + 1));
  if (!hash) {
    return std::nullopt;
  }
  head.hash = *hash;
  return text_of(head) == text ? std::optional(head) : std::nullopt;
}

}  // namespace reachback::server
