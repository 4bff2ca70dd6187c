// Which column answers which property of the three lists.
#pragma once

#include "server/store_sqlite/list_sql.h"

namespace reachback::server {

// The columns of a row, in the order that its reader wants them.
#define RB_ACTION_COLUMNS "key, tenant, id, machine, status, created, version, document"
#define RB_MACHINE_COLUMNS                                                                      \
  "tenant, id, public_key, name, os_platform, os_version, os_architecture, agent_version, "     \
  "last_ip, last_external_ip, ip_addresses, tags, first_seen, last_seen, contact, generation, " \
  "revoked, confirmed_contact, quarantined, quarantine_reason, order_keys_version, life, attempt"
#define RB_FILE_COLUMNS                                                                      \
  "tenant, sha256, name, bytes, blob, description, parameters_description, has_parameters, " \
  "created_by, created, updated"

const ListTable& action_table();
const ListTable& machine_table();
const ListTable& library_table();

}  // namespace reachback::server
