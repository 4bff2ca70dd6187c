#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/list_columns.h"
#include "server/store_sqlite/list_reader.h"
#include "server/store_sqlite/machine_rows.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

std::int64_t clamp(std::uint64_t count) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX));
}

struct Known {
  Machine machine;
  bool by_this_token = false;
};

Result<std::optional<Known>> find_known(Db& db, const MachineId& id, const Sha256& token) {
  Query query(db, "SELECT " RB_MACHINE_COLUMNS ", token FROM machines WHERE id = ?");
  query.blob(id.bytes());
  RB_TRY_ASSIGN(bool found, query.row());
  if (!found) {
    return std::optional<Known>();
  }
  RB_TRY_ASSIGN(Machine m, read_machine(query));
  return std::optional<Known>(
      Known{std::move(m), query.bytes_at(kMachineColumnCount) == as_bytes(token)});
}

Result<Machine> enroll_machine(Db& db, const Sha256& token, Machine m, Timestamp now) {
  const Error no_token{Errc::unauthenticated,
                       "the enrolment token is not known, expired or used up"};
  bool usable = false;
  {
    Query query(db, "SELECT tenant, expires, uses_left, tags FROM tokens WHERE token = ?");
    query.blob(as_bytes(token));
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return no_token;
    }
    auto tenant = TenantId::from_bytes(query.bytes_at(0));
    if (!tenant) {
      return Error{Errc::corrupt, "stored enrolment token: damaged row"};
    }
    m.tenant = *tenant;
    usable = to_micros(now) < query.number_at(1) && query.number_at(2) > 0;
    RB_TRY_ASSIGN(m.tags, decode_list(query.bytes_at(3)));
  }
  RB_TRY_ASSIGN(auto known, find_known(db, m.id, token));
  // A lost reply: the answer is the same, also if that was the token's last use.
  if (!usable && !(known && known->by_this_token)) {
    return no_token;
  }
  if (known) {
    if (known->machine.tenant != m.tenant || known->machine.public_key != m.public_key) {
      return Error{Errc::conflict, "machine " + m.id.text() + " is enrolled elsewhere"};
    }
    return std::move(known->machine);
  }
  RB_TRY(Query(db, "UPDATE tokens SET uses_left = uses_left - 1 WHERE token = ? AND uses_left > 0")
             .blob(as_bytes(token))
             .run());
  RB_TRY(add_machine_row(db, m, token));
  AuditRow row;
  row.tenant = m.tenant.bytes();
  row.at = to_micros(now);
  row.kind = "enrolled";
  row.principal = row.object = m.id.text();
  row.detail = m.name;
  row.token_id = to_hex(as_bytes(token));  // the token's digest
  row.peer_ip = m.last_external_ip;
  RB_TRY(append_audit_row(db, row));
  return m;
}

// The record behind the event machine.online.
Result<void> write_online(Db& db, const TenantId& tenant, const MachineId& id,
                          const MachineContact& contact, Timestamp last_seen, Timestamp now) {
  AuditRow row;
  row.tenant = tenant.bytes();
  row.at = to_micros(now);
  row.kind = kOnlineRecord;
  row.principal = row.object = id.text();
  row.detail =
      contact.name + (contact.replaces.empty() ? ": its first contact"
                                               : ": not seen since " + format_time(last_seen));
  row.peer_ip = contact.last_external_ip;
  return append_audit_row(db, row);
}

Result<Timestamp> last_seen_of(Db& db, const TenantId& tenant, const MachineId& id) {
  Query query(db, "SELECT last_seen FROM machines WHERE tenant = ? AND id = ?");
  query.blob(tenant.bytes()).blob(id.bytes());
  RB_TRY_ASSIGN(const bool found, query.row());
  return found ? Result<Timestamp>(from_micros(query.number_at(0))) : no_such_machine(id);
}

}  // namespace

void SqliteMachines::enroll(Sha256 token, Machine machine, Timestamp now, Done<Machine> done) {
  writer_.submit<Machine>(
      Space::takes,
      [token, machine = std::move(machine), now](Db& db) {
        return enroll_machine(db, token, machine, now);
      },
      std::move(done));
}

void SqliteMachines::get(TenantId tenant, MachineId id, Done<Machine> done) {
  done(readers_.read<Machine>([&](Db& db) {
    Query query(db, "SELECT " RB_MACHINE_COLUMNS " FROM machines WHERE tenant = ? AND id = ?");
    query.blob(tenant.bytes()).blob(id.bytes());
    return read_one_machine(query, id);
  }));
}

void SqliteMachines::find(MachineId id, Done<Machine> done) {
  done(readers_.read<Machine>([&](Db& db) {
    Query query(db, "SELECT " RB_MACHINE_COLUMNS " FROM machines WHERE id = ?");
    query.blob(id.bytes());
    return read_one_machine(query, id);
  }));
}

void SqliteMachines::list(MachineScope scope, odata::Query query, MachineContext context,
                          ListBounds bounds, Done<Page<Machine>> done) {
  done(readers_.read<Page<Machine>>([&](Db& db) {
    return read_list<Machine>(db, machine_table(), scope, query, bounds, &context,
                              [](Query& row) -> Result<std::optional<Machine>> {
                                RB_TRY_ASSIGN(Machine m, read_machine(row));
                                return std::optional(std::move(m));
                              });
  }));
}

void SqliteMachines::by_name(TenantId tenant, std::string name, Done<std::vector<Machine>> done) {
  done(readers_.read<std::vector<Machine>>([&](Db& db) {
    Query query(db, "SELECT " RB_MACHINE_COLUMNS
                    " FROM machines WHERE tenant = ? AND name = ? ORDER BY last_seen DESC, id");
    query.blob(tenant.bytes()).text(name);
    return read_machines(query);
  }));
}

void SqliteMachines::with_address(MachineScope scope, std::string ip, Timestamp from, Timestamp to,
                                  std::uint64_t top, Done<std::vector<Machine>> done) {
  done(readers_.read<std::vector<Machine>>([&](Db& db) -> Result<std::vector<Machine>> {
    if (scope.tags && scope.tags->empty()) {
      return std::vector<Machine>();
    }
    std::string sql = "SELECT " RB_MACHINE_COLUMNS
                      " FROM machines WHERE tenant = ?1 AND id IN ("
                      "SELECT machine FROM machine_addresses WHERE tenant = ?1 AND address = ?2"
                      " AND since <= ?3 AND (until IS NULL OR until >= ?4))";
    Compiled in_scope;
    if (scope.tags) {
      in_scope = compile_machines_with(*scope.tags);
      sql += " AND id IN (" + in_scope.sql + ")";
    }
    sql += " ORDER BY first_seen, id LIMIT ?";
    Query query(db, sql);
    query.blob(scope.tenant.bytes()).text(ip).number(to_micros(to)).number(to_micros(from));
    bind(query, in_scope);
    query.number(clamp(top));
    return read_machines(query);
  }));
}

void SqliteMachines::ids(MachineScope scope, Done<std::vector<MachineId>> done) {
  done(readers_.read<std::vector<MachineId>>([&](Db& db) -> Result<std::vector<MachineId>> {
    std::vector<MachineId> out;
    if (scope.tags && scope.tags->empty()) {
      return out;
    }
    std::string sql = "SELECT id FROM machines WHERE tenant = ?1";
    Compiled in_scope;
    if (scope.tags) {
      in_scope = compile_machines_with(*scope.tags);
      sql += " AND id IN (" + in_scope.sql + ")";
    }
    Query query(db, sql);
    query.blob(scope.tenant.bytes());
    bind(query, in_scope);
    while (true) {
      RB_TRY_ASSIGN(const bool found, query.row());
      if (!found) {
        return out;
      }
      auto id = MachineId::from_bytes(query.bytes_at(0));
      if (!id) {
        return Error{Errc::corrupt, "stored machine: damaged row"};
      }
      out.push_back(*id);
    }
  }));
}

void SqliteMachines::connected(TenantId tenant, MachineId id, MachineContact contact, Timestamp now,
                               Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, contact = std::move(contact), now](Db& db) -> Result<void> {
        RB_TRY_ASSIGN(const Timestamp last_seen, last_seen_of(db, tenant, id));
        RB_TRY(Query(db,
                     "UPDATE machines SET name = ?, os_platform = ?, os_distribution = ?,"
                     " os_version = ?, os_architecture = ?, os_processor = ?, os_build = ?,"
                     " agent_version = ?, last_ip = ?, last_external_ip = ?, addresses = ?,"
                     " generation = ?, contact = ?, confirmed_contact = ?,"
                     " order_keys_version = ?, life = ?, attempt = ?,"
                     " last_seen = max(last_seen, ?)"
                     " WHERE tenant = ? AND id = ? AND contact = ?"
                     " AND (quarantined IS NOT NULL) = ?")
                   .text(contact.name)
                   .text(contact.os_platform)
                   .text(contact.os_distribution)
                   .text(contact.os_version)
                   .text(contact.os_architecture)
                   .text(contact.os_processor)
                   .number(contact.os_build)
                   .text(contact.agent_version)
                   .text(contact.last_ip)
                   .text(contact.last_external_ip)
                   .blob(encode_addresses(contact.addresses))
                   .blob(contact.generation.bytes())
                   .blob(contact.contact)
                   .blob(contact.last_contact)
                   .number(static_cast<std::int64_t>(contact.order_keys_version))
                   .blob(contact.life)
                   .number(static_cast<std::int64_t>(contact.attempt))
                   .number(to_micros(now))
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .blob(contact.replaces)
                   .number(contact.in_quarantine ? 1 : 0)
                   .run());
        if (db.changed_rows() != 1) {
          return Error{Errc::conflict, "machine " + id.text() +
                                           ": another contact was sent, or the quarantine changed"};
        }
        if (!contact.in_quarantine &&
            (contact.replaces.empty() || now - last_seen >= kAwayBeforeOnline)) {
          RB_TRY(write_online(db, tenant, id, contact, last_seen, now));
        }
        return follow_addresses(db, tenant, id, contact.addresses, last_seen, now);
      },
      std::move(done));
}

void SqliteMachines::contact_kept(TenantId tenant, MachineId id, std::string contact,
                                  Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, contact = std::move(contact)](Db& db) -> Result<void> {
        RB_TRY(Query(db,
                     "UPDATE machines SET confirmed_contact = contact"
                     " WHERE tenant = ? AND id = ? AND contact = ?")
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .blob(contact)
                   .run());
        return db.changed_rows() == 1
                   ? Result<void>()
                   : Error{Errc::conflict, "machine " + id.text() + ": another contact was sent"};
      },
      std::move(done));
}

void SqliteMachines::order_keys_kept(TenantId tenant, MachineId id, std::uint64_t version,
                                     Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, version](Db& db) -> Result<void> {
        RB_TRY(Query(db, "UPDATE machines SET order_keys_version = ? WHERE tenant = ? AND id = ?")
                   .number(static_cast<std::int64_t>(version))
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        return db.changed_rows() == 1 ? Result<void>() : no_such_machine(id);
      },
      std::move(done));
}

void SqliteMachines::set_quarantine(TenantId tenant, MachineId id,
                                    std::optional<Quarantine> quarantine, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, quarantine = std::move(quarantine)](Db& db) -> Result<void> {
        if (quarantine) {
          RB_TRY(Query(db,
                       "UPDATE machines SET quarantined = ?, quarantine_reason = ?"
                       " WHERE tenant = ? AND id = ?")
                     .number(to_micros(quarantine->since))
                     .text(quarantine->reason)
                     .blob(tenant.bytes())
                     .blob(id.bytes())
                     .run());
        } else {
          RB_TRY(Query(db,
                       "UPDATE machines SET quarantined = NULL, quarantine_reason = '',"
                       " confirmed_contact = NULL, contact = x'' WHERE tenant = ? AND id = ?")
                     .blob(tenant.bytes())
                     .blob(id.bytes())
                     .run());
        }
        return db.changed_rows() == 1 ? Result<void>() : no_such_machine(id);
      },
      std::move(done));
}

void SqliteMachines::count_with_older_order_keys(std::uint64_t version, Done<std::uint64_t> done) {
  done(readers_.read<std::uint64_t>([&](Db& db) -> Result<std::uint64_t> {
    Query query(db, "SELECT count(*) FROM machines WHERE revoked = 0 AND order_keys_version < ?");
    query.number(static_cast<std::int64_t>(version));
    RB_TRY_ASSIGN(bool found, query.row());
    return found ? static_cast<std::uint64_t>(query.number_at(0)) : 0;
  }));
}

void SqliteMachines::seen(TenantId tenant, MachineId id, Timestamp at, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, at](Db& db) -> Result<void> {
        RB_TRY(
            Query(db,
                  "UPDATE machines SET last_seen = max(last_seen, ?) WHERE tenant = ? AND id = ?")
                .number(to_micros(at))
                .blob(tenant.bytes())
                .blob(id.bytes())
                .run());
        return db.changed_rows() == 1 ? Result<void>() : no_such_machine(id);
      },
      std::move(done));
}

}  // namespace reachback::server
