#include "server/store_sqlite/sessions.h"

#include <algorithm>

#include "server/store_sqlite/action_rows.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/machine_rows.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

#define RB_SESSION_COLUMNS                                                                       \
  "key, tenant, id, machine, machine_name, caller, creator, comment, created, last_used, ended," \
  " end_reason, commands"

// A session whose newest line is unfinished, or ended lately, is in use. Its machine takes a line
// only when those before have ended.
#define RB_IDLE                                                                            \
  "ended IS NULL AND last_used < ?1 AND NOT EXISTS (SELECT 1 FROM session_commands c JOIN" \
  " actions a ON a.tenant = c.tenant AND a.id = c.action WHERE c.session = sessions.key"   \
  " AND c.number = sessions.commands AND (a.status IN (0, 4) OR a.updated >= ?1))"

struct Row {
  std::int64_t key = 0;
  InteractiveSession session;
};

Result<Row> read_session(Query& row) {
  Row out;
  out.key = row.number_at(0);
  auto tenant = TenantId::from_bytes(row.bytes_at(1));
  auto id = SessionId::from_bytes(row.bytes_at(2));
  auto machine = MachineId::from_bytes(row.bytes_at(3));
  if (!tenant || !id || !machine) {
    return Error{Errc::corrupt, "stored session: damaged row " + std::to_string(out.key)};
  }
  InteractiveSession& s = out.session;
  s.tenant = *tenant;
  s.id = *id;
  s.machine = *machine;
  s.machine_name = row.bytes_at(4);
  s.caller = row.bytes_at(5);
  s.creator = row.bytes_at(6);
  s.comment = row.bytes_at(7);
  s.created = from_micros(row.number_at(8));
  s.last_used = from_micros(row.number_at(9));
  if (!row.null_at(10)) {
    s.ended = from_micros(row.number_at(10));
  }
  s.end_reason = row.bytes_at(11);
  s.commands = static_cast<std::uint64_t>(row.number_at(12));
  return out;
}

Result<std::vector<Row>> read_sessions(Query& query) {
  std::vector<Row> out;
  while (true) {
    RB_TRY_ASSIGN(const bool found, query.row());
    if (!found) {
      return out;
    }
    RB_TRY_ASSIGN(Row row, read_session(query));
    out.push_back(std::move(row));
  }
}

Result<Row> find_session(Db& db, const TenantId& tenant, const SessionId& id) {
  Query query(db, "SELECT " RB_SESSION_COLUMNS " FROM sessions WHERE tenant = ? AND id = ?");
  query.blob(tenant.bytes()).blob(id.bytes());
  RB_TRY_ASSIGN(const bool found, query.row());
  if (!found) {
    return Error{Errc::not_found, "Session " + id.text() + " was not found"};
  }
  return read_session(query);
}

Result<void> write_audit(Db& db, const InteractiveSession& s, const AuditEntry& entry) {
  AuditRow row;
  row.tenant = s.tenant.bytes();
  row.at = to_micros(entry.at);
  row.kind = entry.kind;
  row.principal = entry.principal;
  row.object = s.machine.text();
  row.detail = "session " + s.id.text() + (entry.detail.empty() ? "" : ": " + entry.detail);
  row.token_id = entry.token_id;
  row.peer_ip = entry.peer_ip;
  if (entry.request) {
    row.request = std::string(as_bytes(*entry.request));
  }
  return append_audit_row(db, row);
}

Result<void> end_row(Db& db, Row& row, const std::string& reason, const AuditEntry& audit) {
  row.session.ended = audit.at;
  row.session.end_reason = reason;
  RB_TRY(Query(db, "UPDATE sessions SET ended = ?, end_reason = ? WHERE key = ?")
             .number(to_micros(audit.at))
             .text(reason)
             .number(row.key)
             .run());
  return write_audit(db, row.session, audit);
}

Result<std::size_t> end_idle_ones(Db& db, Timestamp now, Duration idle) {
  std::vector<Row> rows;
  {
    Query query(db, "SELECT " RB_SESSION_COLUMNS " FROM sessions WHERE " RB_IDLE);
    query.number(to_micros(now - idle));
    RB_TRY_ASSIGN(rows, read_sessions(query));
  }
  for (Row& row : rows) {
    RB_TRY(end_row(db, row, kIdle, AuditEntry{now, "session_ended", "system", kIdle}));
  }
  return rows.size();
}

Result<std::vector<Row>> open_rows(Db& db, const TenantId& tenant) {
  Query query(db, "SELECT " RB_SESSION_COLUMNS
                  " FROM sessions WHERE tenant = ? AND ended IS NULL ORDER BY created DESC, key");
  query.blob(tenant.bytes());
  return read_sessions(query);
}

Result<void> check_limits(const std::vector<Row>& open, const InteractiveSession& s,
                          const OpenSessionLimits& limits) {
  std::uint64_t of_caller = 0, of_machine = 0;
  const InteractiveSession* there = nullptr;
  for (const Row& row : open) {
    of_caller += row.session.caller == s.caller ? 1 : 0;
    if (row.session.machine == s.machine) {
      ++of_machine;
      there = &row.session;
    }
  }
  if (limits.of_machine != 0 && of_machine >= limits.of_machine) {
    return Error{Errc::conflict, s.machine_name + " has the open session " + there->id.text() +
                                     " of " + there->creator + ": end it first"};
  }
  if (limits.of_caller != 0 && of_caller >= limits.of_caller) {
    return Error{Errc::too_many_requests, s.creator + " has " + std::to_string(limits.of_caller) +
                                              " open sessions, the limit: end one first"};
  }
  if (limits.of_tenant != 0 && open.size() >= limits.of_tenant) {
    return Error{Errc::too_many_requests, "there are " + std::to_string(limits.of_tenant) +
                                              " open sessions, the limit: end one first"};
  }
  return {};
}

Result<InteractiveSession> open_session(Db& db, const InteractiveSession& s,
                                        const OpenSessionLimits& limits, const AuditEntry& audit) {
  RB_TRY(end_idle_ones(db, s.created, limits.idle));
  RB_TRY_ASSIGN(const std::vector<Row> open, open_rows(db, s.tenant));
  RB_TRY(check_limits(open, s, limits));
  RB_TRY(
      Query(db,
            "INSERT INTO sessions(tenant, id, machine, machine_name, caller, creator, comment,"
            " created, last_used, end_reason, commands) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0)")
          .blob(s.tenant.bytes())
          .blob(s.id.bytes())
          .blob(s.machine.bytes())
          .text(s.machine_name)
          .text(s.caller)
          .text(s.creator)
          .text(s.comment)
          .number(to_micros(s.created))
          .number(to_micros(s.created))
          .run());
  RB_TRY(write_audit(db, s, audit));
  return s;
}

Result<std::vector<SessionCommand>> read_commands(Db& db, const TenantId& tenant,
                                                  const SessionId& id, std::size_t most) {
  RB_TRY_ASSIGN(const Row session, find_session(db, tenant, id));
  Query query(db,
              "SELECT number, line, folder, action FROM session_commands WHERE session = ?"
              " ORDER BY number DESC LIMIT ?");
  query.number(session.key).number(static_cast<std::int64_t>(most));
  std::vector<SessionCommand> out;
  while (true) {
    RB_TRY_ASSIGN(const bool found, query.row());
    if (!found) {
      break;
    }
    const auto action = ActionId::from_bytes(query.bytes_at(3));
    RB_TRY_ASSIGN(auto row, action ? find_action_row(db, tenant, *action)
                                   : Result<std::optional<ActionRow>>(std::nullopt));
    if (!row) {
      return Error{Errc::corrupt, "stored session " + id.text() + ": a line without its action"};
    }
    out.push_back({static_cast<std::uint64_t>(query.number_at(0)), std::string(query.bytes_at(1)),
                   std::string(query.bytes_at(2)), std::move(row->action)});
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// Errors: unavailable, corrupt; a machine that is gone is in nobody's scope.
Result<bool> is_in_scope(Db& db, const MachineScope& scope, const MachineId& id) {
  if (!scope.tags) {
    return true;
  }
  Query query(db, "SELECT " RB_MACHINE_COLUMNS " FROM machines WHERE tenant = ? AND id = ?");
  query.blob(scope.tenant.bytes()).blob(id.bytes());
  auto machine = read_one_machine(query, id);
  if (!machine && machine.error().code == Errc::not_found) {
    return false;
  }
  RB_TRY(machine);
  return scope.has(machine->tags);
}

Error session_has_ended(const InteractiveSession& s) {
  return Error{Errc::conflict, "The session has ended: " + s.end_reason};
}

}  // namespace

Result<void> write_session_line(Db& db, const action::Action& a, const SessionLine& line) {
  RB_TRY_ASSIGN(const Row row, find_session(db, a.tenant, line.session));
  if (row.session.ended) {
    return session_has_ended(row.session);
  }
  {
    Query idle(db, "SELECT 1 FROM sessions WHERE key = ?2 AND " RB_IDLE);
    idle.number(to_micros(line.idle_before)).number(row.key);
    RB_TRY_ASSIGN(const bool is_idle, idle.row());
    if (is_idle) {
      InteractiveSession ended = row.session;
      ended.end_reason = kIdle;
      return session_has_ended(ended);
    }
  }
  const auto number = static_cast<std::int64_t>(row.session.commands + 1);
  RB_TRY(Query(db,
               "INSERT INTO session_commands(session, number, tenant, action, line, folder)"
               " VALUES(?, ?, ?, ?, ?, ?)")
             .number(row.key)
             .number(number)
             .blob(a.tenant.bytes())
             .blob(a.id.bytes())
             .text(line.text)
             .text(line.folder)
             .run());
  return Query(db, "UPDATE sessions SET commands = ?, last_used = ? WHERE key = ?")
      .number(number)
      .number(to_micros(a.created))
      .number(row.key)
      .run();
}

void SqliteSessions::open(InteractiveSession session, OpenSessionLimits limits, AuditEntry audit,
                          Done<InteractiveSession> done) {
  session.last_used = session.created;
  writer_.submit<InteractiveSession>(
      Space::takes,
      [session = std::move(session), limits, audit = std::move(audit)](Db& db) {
        return open_session(db, session, limits, audit);
      },
      std::move(done));
}

void SqliteSessions::get(TenantId tenant, SessionId id, Done<InteractiveSession> done) {
  done(readers_.read<InteractiveSession>([&](Db& db) -> Result<InteractiveSession> {
    RB_TRY_ASSIGN(Row row, find_session(db, tenant, id));
    return std::move(row.session);
  }));
}

void SqliteSessions::open_ones(MachineScope scope, Done<std::vector<InteractiveSession>> done) {
  done(readers_.read<std::vector<InteractiveSession>>(
      [&](Db& db) -> Result<std::vector<InteractiveSession>> {
        RB_TRY_ASSIGN(std::vector<Row> rows, open_rows(db, scope.tenant));
        std::vector<InteractiveSession> out;
        for (Row& row : rows) {
          RB_TRY_ASSIGN(const bool is_there, is_in_scope(db, scope, row.session.machine));
          if (is_there) {
            out.push_back(std::move(row.session));
          }
        }
        return out;
      }));
}

void SqliteSessions::commands(TenantId tenant, SessionId id, std::size_t most,
                              Done<std::vector<SessionCommand>> done) {
  done(readers_.read<std::vector<SessionCommand>>(
      [&](Db& db) { return read_commands(db, tenant, id, most); }));
}

void SqliteSessions::number_of(TenantId tenant, ActionId action, Done<std::uint64_t> done) {
  done(readers_.read<std::uint64_t>([&](Db& db) -> Result<std::uint64_t> {
    Query query(db, "SELECT number FROM session_commands WHERE tenant = ? AND action = ?");
    query.blob(tenant.bytes()).blob(action.bytes());
    RB_TRY_ASSIGN(const bool found, query.row());
    if (!found) {
      return Error{Errc::not_found, "action " + action.text() + " is no line of a session"};
    }
    return static_cast<std::uint64_t>(query.number_at(0));
  }));
}

void SqliteSessions::end(TenantId tenant, SessionId id, std::string reason, AuditEntry audit,
                         Done<InteractiveSession> done) {
  writer_.submit<InteractiveSession>(
      Space::takes,
      [tenant, id, reason = std::move(reason),
       audit = std::move(audit)](Db& db) -> Result<InteractiveSession> {
        RB_TRY_ASSIGN(Row row, find_session(db, tenant, id));
        if (!row.session.ended) {
          RB_TRY(end_row(db, row, reason, audit));
        }
        return std::move(row.session);
      },
      std::move(done));
}

// Looks first: a writer without work writes nothing.
void SqliteSessions::end_idle(Timestamp now, Duration idle, Done<std::size_t> done) {
  auto any = readers_.read<bool>([&](Db& db) -> Result<bool> {
    Query query(db, "SELECT 1 FROM sessions WHERE " RB_IDLE " LIMIT 1");
    query.number(to_micros(now - idle));
    return query.row();
  });
  if (!any || !*any) {
    done(any ? Result<std::size_t>(std::size_t{0}) : any.error());
    return;
  }
  writer_.submit<std::size_t>(
      Space::keeps, [now, idle](Db& db) { return end_idle_ones(db, now, idle); }, std::move(done));
}

}  // namespace reachback::server
