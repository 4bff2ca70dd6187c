#include <algorithm>

#include "base/log.h"
#include "server/action/step.h"
#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/action_rows.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/list_columns.h"
#include "server/store_sqlite/list_reader.h"
#include "server/store_sqlite/sessions.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

using action::Action;

// How the partial index says "unfinished"; a query that uses it must say the same.
#define RB_UNFINISHED "status IN (0, 4)"
static_assert(static_cast<int>(action::Status::pending) == 0 &&
              static_cast<int>(action::Status::in_progress) == 4);

using Row = ActionRow;

// nullopt: the row is damaged, which is reported. The others must not wait for it.
Result<std::optional<Row>> read_undamaged(Query& query, DamagedRows& damaged) {
  auto row = read_action_row(query);
  if (row) {
    return std::optional<Row>(std::move(*row));
  }
  if (row.error().code != Errc::corrupt) {
    return row.error();
  }
  damaged.report(query.number_at(0), row.error());
  return std::optional<Row>();
}

// At most `limit` of the query's undamaged rows.
Result<std::vector<Action>> read_all(Query& query, std::uint64_t limit, DamagedRows& damaged) {
  std::vector<Action> all;
  while (all.size() < limit) {
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      break;
    }
    RB_TRY_ASSIGN(auto row, read_undamaged(query, damaged));
    if (row) {
      all.push_back(std::move(row->action));
    }
  }
  return all;
}

Result<std::optional<Row>> find_active(Db& db, const TenantId& tenant, const MachineId& machine) {
  Query query(db, "SELECT " RB_ACTION_COLUMNS
                  " FROM actions WHERE tenant = ? AND machine = ? AND " RB_UNFINISHED);
  query.blob(tenant.bytes()).blob(machine.bytes());
  return read_one_action(query);
}

std::optional<std::int64_t> deadline_micros(const Action& a) {
  auto at = action::deadline(a);
  return at ? std::optional<std::int64_t>(to_micros(*at)) : std::nullopt;
}

std::int64_t clamp(std::uint64_t count) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX));
}

Error no_such_action(const ActionId& id) {
  return Error{Errc::not_found, "no action " + id.text()};
}

// The action's state after the change, in the audit's own words.
std::string status_word(action::Status status) {
  switch (status) {
    case action::Status::pending:
      return "pending";
    case action::Status::in_progress:
      return "in_progress";
    case action::Status::succeeded:
      return "succeeded";
    case action::Status::failed:
      return "failed";
    case action::Status::timed_out:
      return "timed_out";
    case action::Status::cancelled:
      return "cancelled";
  }
  return "";
}

Result<void> write_audit(Db& db, const Action& a, const AuditEntry& entry) {
  AuditRow row;
  row.tenant = a.tenant.bytes();
  row.action = std::string(a.id.bytes());
  row.at = to_micros(entry.at);
  row.kind = entry.kind;
  row.principal = entry.principal;
  row.detail = entry.detail;
  row.result = status_word(a.status);
  row.token_id = entry.token_id;
  row.peer_ip = entry.peer_ip;
  if (entry.request) {
    row.request = std::string(as_bytes(*entry.request));
  }
  return append_audit_row(db, row);
}

// The earlier action of this key, if the key is known. Errors: mismatch.
Result<std::optional<Action>> find_replayed(Db& db, const TenantId& tenant,
                                            const IdempotencyKey& key) {
  std::optional<ActionId> earlier;
  {
    Query query(
        db, "SELECT body, action FROM idempotency WHERE tenant = ? AND caller = ? AND name = ?");
    query.blob(tenant.bytes()).text(key.caller).text(key.key);
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return std::optional<Action>();
    }
    if (query.bytes_at(0) != as_bytes(key.body)) {
      return Error{Errc::mismatch,
                   "idempotency key '" + key.key + "' came with another body before"};
    }
    earlier = ActionId::from_bytes(query.bytes_at(1));
  }
  if (!earlier) {
    return Error{Errc::corrupt, "stored idempotency key '" + key.key + "': damaged"};
  }
  RB_TRY_ASSIGN(auto row, find_action_row(db, tenant, *earlier));
  if (!row) {
    return Error{Errc::corrupt, "the action of idempotency key '" + key.key + "' is not there"};
  }
  return std::optional<Action>(std::move(row->action));
}

Result<void> write_key(Db& db, const Action& a, const IdempotencyKey& key) {
  return Query(db,
               "INSERT INTO idempotency(tenant, caller, name, body, action) VALUES(?, ?, ?, ?, ?)")
      .blob(a.tenant.bytes())
      .text(key.caller)
      .text(key.key)
      .blob(as_bytes(key.body))
      .blob(a.id.bytes())
      .run();
}

Result<void> check_active_max(Db& db, const TenantId& tenant, std::uint64_t active_max) {
  if (active_max == 0) {
    return {};
  }
  Query query(db, "SELECT count(*) FROM (SELECT 1 FROM actions WHERE tenant = ? AND " RB_UNFINISHED
                  " LIMIT ?)");
  query.blob(tenant.bytes()).number(clamp(active_max));
  RB_TRY_ASSIGN(bool found, query.row());
  if (found && static_cast<std::uint64_t>(query.number_at(0)) >= active_max) {
    return Error{Errc::too_many_requests,
                 "the tenant has " + std::to_string(active_max) + " unfinished actions, its limit"};
  }
  return {};
}

struct Insert {
  Action action;
  std::string document;
  std::optional<IdempotencyKey> key;
  InsertLimits limits;
  AuditEntry audit;
};

Result<Inserted> insert_action(Db& db, const Insert& in) {
  const Action& a = in.action;
  if (in.key) {
    RB_TRY_ASSIGN(auto replayed, find_replayed(db, a.tenant, *in.key));
    if (replayed) {
      return Inserted{std::move(*replayed), true};
    }
  }
  RB_TRY_ASSIGN(auto same_id, find_action_row(db, a.tenant, a.id));
  if (same_id) {
    return Error{Errc::already_exists, "there is an action " + a.id.text()};
  }
  RB_TRY_ASSIGN(auto active, find_active(db, a.tenant, a.machine));
  if (active) {
    return Error{
        Errc::already_active,
        "machine " + a.machine.text() + " has the unfinished action " + active->action.id.text()};
  }
  RB_TRY(check_active_max(db, a.tenant, in.limits.active_max));
  RB_TRY(
      Query(db,
            "INSERT INTO actions(tenant, id, machine, status, created, deadline, version, document,"
            " host, requestor, updated, external_id) VALUES(?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)")
          .blob(a.tenant.bytes())
          .blob(a.id.bytes())
          .blob(a.machine.bytes())
          .number(static_cast<std::int64_t>(a.status))
          .number(to_micros(a.created))
          .optional_number(deadline_micros(a))
          .blob(in.document)
          .text(to_lower(a.machine_name))
          .text(a.requestor)
          .number(to_micros(a.updated))
          .optional_text(a.external_id)
          .run());
  if (in.key) {
    RB_TRY(write_key(db, a, *in.key));
  }
  if (in.limits.session_line) {
    RB_TRY(write_session_line(db, a, *in.limits.session_line));
  }
  RB_TRY(write_audit(db, a, in.audit));
  return Inserted{a, false};
}

struct Replaced {
  Action action;
  bool was_final = false;
};

Result<Replaced> replace_action(Db& db, Action next, const std::string& document,
                                const AuditEntry& audit) {
  RB_TRY_ASSIGN(auto stored, find_action_row(db, next.tenant, next.id));
  if (!stored) {
    return no_such_action(next.id);
  }
  if (stored->action.version != next.version) {
    return Error{Errc::conflict, "action " + next.id.text() + " is at version " +
                                     std::to_string(stored->action.version) + ", not " +
                                     std::to_string(next.version)};
  }
  std::string illegal = illegal_transition(stored->action, next);
  if (!illegal.empty()) {
    return Error{Errc::internal, "action " + next.id.text() + ": " + illegal};
  }
  RB_TRY(Query(db,
               "UPDATE actions SET status = ?, deadline = ?, version = ?, document = ?,"
               " updated = ? WHERE key = ? AND version = ?")
             .number(static_cast<std::int64_t>(next.status))
             .optional_number(deadline_micros(next))
             .number(static_cast<std::int64_t>(next.version + 1))
             .blob(document)
             .number(to_micros(next.updated))
             .number(stored->key)
             .number(static_cast<std::int64_t>(next.version))
             .run());
  if (db.changed_rows() != 1) {
    return Error{Errc::internal, "action " + next.id.text() + " was not written"};
  }
  RB_TRY(write_audit(db, next, audit));
  next.version += 1;
  return Replaced{std::move(next), is_final(stored->action.status)};
}

}  // namespace

void DamagedRows::report(std::int64_t key, const Error& why) {
  constexpr std::size_t kRemembered = 10'000;
  {
    MutexLock lock(mutex_);
    if (reported_.size() >= kRemembered || !reported_.insert(key).second) {
      return;
    }
  }
  log_error("action cannot be read and is left out",
            {field("alarm", "row_damaged"), field("row", key), field("why", why.message)});
}

void SqliteActions::insert(Action a, std::optional<IdempotencyKey> key, InsertLimits limits,
                           AuditEntry audit, Done<Inserted> done) {
  std::string broken =
      a.status == action::Status::pending ? broken_invariant(a) : "an action begins as pending";
  if (!broken.empty()) {
    done(Error{Errc::internal, "action " + a.id.text() + ": " + broken});
    return;
  }
  a.version = 1;
  Insert in{std::move(a), "", std::move(key), std::move(limits), std::move(audit)};
  in.document = encode_action(in.action);  // here, to keep the writer's thread free
  writer_.submit<Inserted>(
      Space::takes, [in = std::move(in)](Db& db) { return insert_action(db, in); },
      std::move(done));
}

void SqliteActions::find_key(TenantId tenant, IdempotencyKey key,
                             Done<std::optional<Action>> done) {
  done(
      readers_.read<std::optional<Action>>([&](Db& db) { return find_replayed(db, tenant, key); }));
}

void SqliteActions::get(TenantId tenant, ActionId id, Done<Action> done) {
  if (auto cached = cache_.get(tenant, id)) {
    done(std::move(*cached));
    return;
  }
  std::uint64_t epoch = cache_.epoch();
  done(readers_.read<Action>([&](Db& db) -> Result<Action> {
    RB_TRY_ASSIGN(auto row, find_action_row(db, tenant, id));
    if (!row) {
      return no_such_action(id);
    }
    cache_.put_read(row->action, epoch);
    return std::move(row->action);
  }));
}

void SqliteActions::replace(Action next, AuditEntry audit, Done<Action> done) {
  std::string broken = broken_invariant(next);
  if (!broken.empty()) {
    done(Error{Errc::internal, "action " + next.id.text() + ": " + broken});
    return;
  }
  std::string document = encode_action(next);
  writer_.submit<Replaced>(
      Space::keeps,
      [next = std::move(next), document = std::move(document), audit = std::move(audit)](Db& db) {
        return replace_action(db, next, document, audit);
      },
      [done = std::move(done)](Result<Replaced> r) {
        done(r ? Result<Action>(std::move(r->action)) : Result<Action>(r.error()));
      },
      [this](const Replaced& r) { cache_.put_written(r.action, r.was_final); });
}

void SqliteActions::active_of(TenantId tenant, MachineId machine,
                              Done<std::optional<Action>> done) {
  done(readers_.read<std::optional<Action>>([&](Db& db) -> Result<std::optional<Action>> {
    RB_TRY_ASSIGN(auto row, find_active(db, tenant, machine));
    return row ? std::optional<Action>(std::move(row->action)) : std::nullopt;
  }));
}

void SqliteActions::list(MachineScope scope, odata::Query query, ListBounds bounds,
                         Done<ActionPage> done) {
  done(readers_.read<ActionPage>([&](Db& db) {
    return read_list<Action>(db, action_table(), scope, query, bounds, nullptr,
                             [this](Query& row) -> Result<std::optional<Action>> {
                               RB_TRY_ASSIGN(auto read, read_undamaged(row, damaged_));
                               return read ? std::optional(std::move(read->action)) : std::nullopt;
                             });
  }));
}

void SqliteActions::due(Timestamp now, std::size_t limit, Done<std::vector<Action>> done) {
  done(readers_.read<std::vector<Action>>([&](Db& db) {
    Query query(
        db, "SELECT " RB_ACTION_COLUMNS " FROM actions WHERE deadline <= ? ORDER BY deadline, key");
    query.number(to_micros(now));
    return read_all(query, limit, damaged_);
  }));
}

}  // namespace reachback::server
