// The rows of a machine: its own, its tags' and its addresses'.
#pragma once

#include <vector>

#include "server/ports/directory.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

// What read_machine() takes, in its order; kMachineColumnCount of them.
#define RB_MACHINE_COLUMNS                                                                   \
  "tenant, id, public_key, name, os_platform, os_version, os_architecture, agent_version, "  \
  "last_ip, last_external_ip, addresses, tags, first_seen, last_seen, contact, generation, " \
  "revoked, confirmed_contact, quarantined, quarantine_reason, order_keys_version, life, "   \
  "attempt, os_distribution, os_build, os_processor, device_value"
inline constexpr int kMachineColumnCount = 27;

// Errors: corrupt.
Result<Machine> read_machine(Query& row);
// Errors: not_found, corrupt.
Result<Machine> read_one_machine(Query& query, const MachineId& id);
Result<std::vector<Machine>> read_machines(Query& query);
Error no_such_machine(const MachineId& id);

std::string encode_addresses(const std::vector<NetworkAddress>& addresses);
Result<std::vector<NetworkAddress>> decode_addresses(std::string_view document);

// Inside a transaction, on the writer's connection.
Result<void> add_machine_row(Db& db, const Machine& m, const Sha256& token);
// machine_tags, by which machines are found, follows the column.
Result<void> set_machine_tags(Db& db, const TenantId& tenant, const MachineId& id,
                              const std::vector<std::string>& tags);
// Ends the periods of the addresses that the machine has no more, when it was last seen with them,
// and begins those of new ones; forgets what ended more than kAddressHistory before `now`, or is
// beyond kAddressPeriodsMax.
Result<void> follow_addresses(Db& db, const TenantId& tenant, const MachineId& id,
                              const std::vector<NetworkAddress>& addresses, Timestamp last_seen,
                              Timestamp now);

}  // namespace reachback::server
