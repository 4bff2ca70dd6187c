// Functions for the SQL of lists, known to every connection. A null argument gives null.
//   rb_starts_with(text, asked), rb_ends_with, rb_contains: as odata/evaluate.h has them
//   rb_action(document, property): a property of an action that its document holds
//   rb_active(id, last_seen): as the query's MachineContext says
//   rb_group(tags, 'id' or 'name'): of the machine's device group there; 0 and null: it is in none
#pragma once

#include "base/result.h"

namespace reachback::server {

class Db;
Result<void> add_list_functions(Db& db);

}  // namespace reachback::server
