#include "server/audit_file/reader.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "json/json.h"
#include "server/audit_file/chain.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kPieceBytes = 64 << 10;

std::string text(const json::Object& o, std::string_view key) {
  const json::Value* v = o.if_contains(key);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

// "<action>/<number> ...": what a mint and a refused order are about.
void take_action(AuditItem& item) {
  const auto slash = item.object.find('/');
  if (slash == std::string::npos) {
    return;
  }
  item.action = ActionId::parse(item.object.substr(0, slash));
  std::uint32_t index = 0;
  const char* begin = item.object.data() + slash + 1;
  const char* end = item.object.data() + item.object.size();
  if (item.action && item.kind == "mint" && std::from_chars(begin, end, index).ec == std::errc()) {
    item.command = index;
  }
}

Result<AuditItem> read_line(std::string_view line, std::uint64_t position) {
  const Error damaged{Errc::corrupt, "audit file: the line at byte " + std::to_string(position) +
                                         " is no record; reachback-server verify-audit says more"};
  auto value = json::parse(line);
  const json::Object* o = value ? value->if_object() : nullptr;
  const json::Value* seq = o == nullptr ? nullptr : o->if_contains("seq");
  if (seq == nullptr || !seq->is_int64()) {
    return damaged;
  }
  auto at = parse_time(text(*o, "at"));
  auto tenant = TenantId::parse(text(*o, "tenant"));
  if (!at) {
    return damaged;
  }
  AuditItem item;
  item.position = position;
  item.record = static_cast<std::uint64_t>(seq->get_int64());
  item.at = *at;
  item.tenant = tenant.value_or(TenantId());
  item.kind = text(*o, "kind");
  item.principal = text(*o, "principal");
  item.token_id = text(*o, "token_id");
  item.object = text(*o, "object");
  item.result = text(*o, "result");
  item.peer_ip = text(*o, "peer_ip");
  item.request = text(*o, "request");
  take_action(item);
  item.machine = MachineId::parse(item.principal);
  if (!item.machine && item.kind == "machine_cleared") {
    item.machine = MachineId::parse(item.object.substr(0, item.object.find(':')));
  }
  return item;
}

}  // namespace

Result<AuditPiece> AuditFileReader::before(std::uint64_t position, std::size_t most) {
  AuditPiece out;
  if (position == 0) {
    out.begin = true;
    return out;
  }
  const Error nowhere{Errc::invalid_query, "'before' is no place in the audit"};
  if (position > end_()) {
    return nowhere;
  }
  RB_TRY_ASSIGN(Fd fd, open_file(path_, O_RDONLY | O_NOFOLLOW));
  std::uint64_t end = position;
  std::uint64_t want = kPieceBytes;
  std::string piece;
  while (end > 0 && out.items.size() < most) {
    const std::uint64_t from = end - std::min(end, want);
    piece.resize(end - from);
    RB_TRY_ASSIGN(const std::size_t have, read_at(fd.get(), piece.data(), piece.size(), from));
    if (have != piece.size()) {
      return Error{Errc::io, "audit file: shorter than it was"};
    }
    if (piece.back() != '\n') {
      return nowhere;
    }
    std::size_t stop = piece.size();  // behind the newline of the line to read next
    while (stop > 0 && out.items.size() < most) {
      const auto newline = stop < 2 ? std::string::npos : piece.rfind('\n', stop - 2);
      if (newline == std::string::npos && from > 0) {
        break;  // the line begins before this piece
      }
      const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
      RB_TRY_ASSIGN(
          AuditItem item,
          read_line(std::string_view(piece).substr(start, stop - 1 - start), from + start));
      out.items.push_back(std::move(item));
      stop = start;
    }
    if (stop == piece.size()) {  // not even one line fits
      if (want > kAuditLineBytesMax) {
        return Error{Errc::corrupt, "audit file: a line that is too long"};
      }
      want *= 4;
      continue;
    }
    end = from + stop;
  }
  out.begin = end == 0;
  return out;
}

}  // namespace reachback::server
