#include "base/bytes.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

constexpr const char* kRowsBefore =
    "SELECT u.seq, u.at, u.tenant, u.kind, u.principal, u.token_id, u.object, u.detail, u.result,"
    " u.peer_ip, u.request, u.action, a.machine FROM audit u"
    " LEFT JOIN actions a ON a.tenant = u.tenant AND a.id = u.action"
    " WHERE u.seq < ? ORDER BY u.seq DESC LIMIT ?";

Result<AuditItem> read_item(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(2));
  if (!tenant) {
    return Error{Errc::corrupt, "stored audit: damaged row " + std::to_string(row.number_at(0))};
  }
  AuditItem item;
  item.position = item.record = static_cast<std::uint64_t>(row.number_at(0));
  item.at = from_micros(row.number_at(1));
  item.tenant = *tenant;
  item.kind = row.bytes_at(3);
  item.principal = row.bytes_at(4);
  item.token_id = row.bytes_at(5);
  item.object = row.bytes_at(6);
  item.detail = row.bytes_at(7);
  item.result = row.bytes_at(8);
  item.peer_ip = row.bytes_at(9);
  item.request = to_hex(row.bytes_at(10));
  item.action = ActionId::from_bytes(row.bytes_at(11));
  item.machine = MachineId::from_bytes(row.bytes_at(12));
  if (!item.machine) {
    item.machine = MachineId::parse(item.object);
  }
  return item;
}

}  // namespace

Result<std::uint64_t> SqliteAuditRows::end() {
  return readers_.read<std::uint64_t>([](Db& db) -> Result<std::uint64_t> {
    RB_TRY_ASSIGN(const AuditHead head, audit_head(db));
    return head.seq + 1;
  });
}

Result<AuditPiece> SqliteAuditRows::before(std::uint64_t position, std::size_t most) {
  return readers_.read<AuditPiece>([&](Db& db) -> Result<AuditPiece> {
    RB_TRY_ASSIGN(const AuditHead head, audit_head(db));
    if (position > head.seq + 1) {
      return Error{Errc::invalid_query, "'before' is no place in the audit"};
    }
    Query query(db, kRowsBefore);
    query.number(static_cast<std::int64_t>(position)).number(static_cast<std::int64_t>(most));
    AuditPiece out;
    while (true) {
      RB_TRY_ASSIGN(const bool found, query.row());
      if (!found) {
        break;
      }
      RB_TRY_ASSIGN(AuditItem item, read_item(query));
      out.items.push_back(std::move(item));
    }
    out.begin = out.items.size() < most || out.items.back().record == 1;
    return out;
  });
}

}  // namespace reachback::server
