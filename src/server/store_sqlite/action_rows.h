// Rows of actions.
#pragma once

#include <optional>

#include "server/action/action.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

// What read_action_row() takes, in its order.
#define RB_ACTION_COLUMNS "key, tenant, id, machine, status, created, version, document"

struct ActionRow {
  std::int64_t key = 0;
  action::Action action;
};

// Of the row that the query stands at. Errors: corrupt.
Result<ActionRow> read_action_row(Query& row);
// The query's first row; nullopt: it has none. Errors: corrupt, unavailable.
Result<std::optional<ActionRow>> read_one_action(Query& query);
Result<std::optional<ActionRow>> find_action_row(Db& db, const TenantId& tenant,
                                                 const ActionId& id);

}  // namespace reachback::server
