#include "server/store_sqlite/action_rows.h"

#include "server/store_sqlite/action_codec.h"

namespace reachback::server {

Result<ActionRow> read_action_row(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(1));
  auto id = ActionId::from_bytes(row.bytes_at(2));
  auto machine = MachineId::from_bytes(row.bytes_at(3));
  std::int64_t status = row.number_at(4);
  if (!tenant || !id || !machine || status < 0 || status > 5) {
    return Error{Errc::corrupt, "stored action: damaged row " + std::to_string(row.number_at(0))};
  }
  ActionRow out;
  out.key = row.number_at(0);
  out.action.tenant = *tenant;
  out.action.id = *id;
  out.action.machine = *machine;
  out.action.status = static_cast<action::Status>(status);
  out.action.created = from_micros(row.number_at(5));
  out.action.version = static_cast<std::uint64_t>(row.number_at(6));
  auto decoded = decode_action(row.bytes_at(7), out.action);
  if (!decoded) {
    return decoded.error().in("action " + id->text());
  }
  return out;
}

Result<std::optional<ActionRow>> read_one_action(Query& query) {
  RB_TRY_ASSIGN(const bool found, query.row());
  if (!found) {
    return std::optional<ActionRow>();
  }
  RB_TRY_ASSIGN(ActionRow row, read_action_row(query));
  return std::optional<ActionRow>(std::move(row));
}

Result<std::optional<ActionRow>> find_action_row(Db& db, const TenantId& tenant,
                                                 const ActionId& id) {
  Query query(db, "SELECT " RB_ACTION_COLUMNS " FROM actions WHERE tenant = ? AND id = ?");
  query.blob(tenant.bytes()).blob(id.bytes());
  return read_one_action(query);
}

}  // namespace reachback::server
