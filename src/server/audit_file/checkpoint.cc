#include "server/audit_file/checkpoint.h"

#include <fcntl.h>

#include <algorithm>

#include "base/file.h"
#include "crypto/digest.h"
#include "json/json.h"

namespace reachback::server {
namespace {

std::string path_of(const std::string& audit) {
  return audit + ".checked";
}

Result<AuditCheckpoint> parse(const std::string& audit) {
  RB_TRY_ASSIGN(std::string text, read_file(path_of(audit), 1024));
  RB_TRY_ASSIGN(json::Value value, json::parse(text));
  const auto* o = value.if_object();
  const auto* bytes = o != nullptr ? o->if_contains("bytes") : nullptr;
  const auto* head = o != nullptr ? o->if_contains("head") : nullptr;
  if (bytes == nullptr || !bytes->is_int64() || bytes->get_int64() < 1 || head == nullptr ||
      !head->is_string()) {
    return Error{Errc::corrupt, "checkpoint"};
  }
  auto parsed =
      parse_audit_head(std::string_view(head->get_string().data(), head->get_string().size()));
  if (!parsed || parsed->seq == 0) {
    return Error{Errc::corrupt, "checkpoint"};
  }
  return AuditCheckpoint{static_cast<std::uint64_t>(bytes->get_int64()), *parsed};
}

// Whether the line that ends at the checkpoint is the record it names.
Result<bool> fits(const std::string& audit, const AuditCheckpoint& c) {
  RB_TRY_ASSIGN(Fd fd, open_file(audit, O_RDONLY));
  std::string tail(std::min<std::uint64_t>(c.bytes, kAuditLineBytesMax + 1), '\0');
  RB_TRY_ASSIGN(std::size_t have,
                read_at(fd.get(), tail.data(), tail.size(), c.bytes - tail.size()));
  if (have != tail.size() || tail.back() != '\n') {
    return false;
  }
  std::string_view line(tail.data(), tail.size() - 1);
  auto newline = line.rfind('\n');
  if (newline != std::string_view::npos) {
    line.remove_prefix(newline + 1);
  } else if (c.bytes != tail.size()) {
    return false;
  }
  return names_record(line, c.head);
}

}  // namespace

Result<void> write_checkpoint(const std::string& audit, const AuditCheckpoint& checkpoint) {
  json::Object o;
  o["bytes"] = checkpoint.bytes;
  o["head"] = text_of(checkpoint.head);
  return write_file_durably(path_of(audit), json::write(o));
}

AuditCheckpoint read_checkpoint(const std::string& audit) {
  auto checkpoint = parse(audit);
  if (!checkpoint) {
    return {};
  }
  auto good = fits(audit, *checkpoint);
  return good && *good ? *checkpoint : AuditCheckpoint();
}

}  // namespace reachback::server
