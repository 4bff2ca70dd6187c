// Which column answers which property of the three lists.
#pragma once

#include "server/store_sqlite/list_sql.h"

namespace reachback::server {

// The columns of a row, in the order that its reader wants them; those of a machine:
// machine_rows.h.
#define RB_FILE_COLUMNS                                                                      \
  "tenant, sha256, name, bytes, blob, description, parameters_description, has_parameters, " \
  "created_by, created, updated"

const ListTable& action_table();
const ListTable& machine_table();
const ListTable& library_table();

}  // namespace reachback::server
