#include <algorithm>

#include "base/bytes.h"
#include "server/store_sqlite/admin_audit.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

#define RB_DELIVERY_COLUMNS \
  "key, hook, event, type, object, happened, attempts, state, next, tried, status, error"

constexpr const char* kDue =
    "SELECT " RB_DELIVERY_COLUMNS
    " FROM webhook_deliveries WHERE tenant = ? AND hook = ? AND state = 0 AND next <= ?"
    " ORDER BY next, key LIMIT 1";
constexpr const char* kNewest =
    "SELECT " RB_DELIVERY_COLUMNS
    " FROM webhook_deliveries WHERE tenant = ? AND hook = ? AND key < ? ORDER BY key DESC LIMIT ?";
constexpr const char* kTriedLast =
    "SELECT " RB_DELIVERY_COLUMNS
    " FROM webhook_deliveries WHERE tenant = ? AND hook = ? AND tried IS NOT NULL"
    " ORDER BY tried DESC, key DESC LIMIT 1";
constexpr const char* kRecordsAfter =
    "SELECT seq, tenant, at, kind, object, action, result, hash FROM audit WHERE seq > ?"
    " ORDER BY seq LIMIT ?";
constexpr const char* kFinalBefore =
    "SELECT 1 FROM audit WHERE tenant = ? AND action = ? AND seq < ?"
    " AND result IN ('succeeded', 'failed', 'timed_out', 'cancelled') LIMIT 1";

constexpr std::size_t kEventIdBytes = 16;

Error no_such_hook(const std::string& hook) {
  return Error{Errc::not_found, "there is no webhook '" + hook + "'"};
}

bool is_final(std::string_view result) {
  return result == "succeeded" || result == "failed" || result == "timed_out" ||
         result == "cancelled";
}

WebhookDelivery read_delivery(Query& row) {
  WebhookDelivery d;
  d.id = static_cast<std::uint64_t>(row.number_at(0));
  d.hook = row.bytes_at(1);
  d.event = row.bytes_at(2);
  d.type = row.bytes_at(3);
  d.object = row.bytes_at(4);
  d.happened = from_micros(row.number_at(5));
  d.attempts = static_cast<std::uint32_t>(row.number_at(6));
  d.state = static_cast<DeliveryState>(row.number_at(7));
  d.next = from_micros(row.number_at(8));
  if (!row.null_at(9)) {
    d.tried = from_micros(row.number_at(9));
  }
  if (!row.null_at(10)) {
    d.status = static_cast<int>(row.number_at(10));
  }
  d.error = row.bytes_at(11);
  return d;
}

Result<std::vector<WebhookDelivery>> read_deliveries(Query& query) {
  std::vector<WebhookDelivery> out;
  while (true) {
    RB_TRY_ASSIGN(const bool found, query.row());
    if (!found) {
      return out;
    }
    out.push_back(read_delivery(query));
  }
}

Result<void> insert(Db& db, const TenantId& tenant, const WebhookDelivery& d) {
  return Query(db,
               "INSERT INTO webhook_deliveries(tenant, hook, event, type, object, happened,"
               " attempts, state, next, error) VALUES(?, ?, ?, ?, ?, ?, 0, 0, ?, '')")
      .blob(tenant.bytes())
      .text(d.hook)
      .text(d.event)
      .text(d.type)
      .text(d.object)
      .number(to_micros(d.happened))
      .number(to_micros(d.next))
      .run();
}

// The event that a record of the audit tells of; nullopt: none.
Result<std::optional<WebhookDelivery>> event_of(Db& db, const TenantId& tenant, Query& row) {
  WebhookDelivery d;
  d.happened = from_micros(row.number_at(2));
  d.event = "evt_" + to_hex(row.bytes_at(7).substr(0, kEventIdBytes));
  if (row.bytes_at(3) == kOnlineRecord) {
    d.type = kMachineOnline;
    d.object = row.bytes_at(4);
    return std::optional(std::move(d));
  }
  const auto action = ActionId::from_bytes(row.bytes_at(5));
  if (!action || !is_final(row.bytes_at(6))) {
    return std::optional<WebhookDelivery>();
  }
  // What is reported after the end says the final state again.
  Query earlier(db, kFinalBefore);
  earlier.blob(tenant.bytes()).blob(action->bytes()).number(row.number_at(0));
  RB_TRY_ASSIGN(const bool again, earlier.row());
  if (again) {
    return std::optional<WebhookDelivery>();
  }
  d.type = kActionCompleted;
  d.object = action->text();
  return std::optional(std::move(d));
}

struct Collecting {
  TenantId tenant;
  std::string hook;
  std::vector<std::string> types;
  std::size_t most;
  Timestamp now;
};

Result<bool> collect_now(Db& db, const Collecting& c) {
  std::int64_t at = 0;
  {
    Query query(db, "SELECT looked_at FROM webhooks WHERE tenant = ? AND name = ?");
    query.blob(c.tenant.bytes()).text(c.hook);
    RB_TRY_ASSIGN(const bool found, query.row());
    if (!found) {
      return no_such_hook(c.hook);
    }
    at = query.number_at(0);
  }
  std::size_t looked = 0;
  std::vector<WebhookDelivery> found_events;
  {
    Query records(db, kRecordsAfter);
    records.number(at).number(static_cast<std::int64_t>(c.most));
    for (;; ++looked) {
      RB_TRY_ASSIGN(const bool found, records.row());
      if (!found) {
        break;
      }
      at = records.number_at(0);
      if (records.bytes_at(1) != c.tenant.bytes()) {
        continue;
      }
      RB_TRY_ASSIGN(auto event, event_of(db, c.tenant, records));
      if (event && std::find(c.types.begin(), c.types.end(), event->type) != c.types.end()) {
        event->hook = c.hook;
        event->next = c.now;
        found_events.push_back(std::move(*event));
      }
    }
  }
  if (looked == 0) {
    return false;
  }
  for (const WebhookDelivery& event : found_events) {
    RB_TRY(insert(db, c.tenant, event));
  }
  RB_TRY(Query(db, "UPDATE webhooks SET looked_at = ? WHERE tenant = ? AND name = ?")
             .number(at)
             .blob(c.tenant.bytes())
             .text(c.hook)
             .run());
  return looked == c.most;
}

Result<std::vector<std::string>> stored_hooks(Db& db, const TenantId& tenant) {
  std::vector<std::string> out;
  Query query(db, "SELECT name FROM webhooks WHERE tenant = ? ORDER BY name");
  query.blob(tenant.bytes());
  while (true) {
    RB_TRY_ASSIGN(const bool found, query.row());
    if (!found) {
      return out;
    }
    out.emplace_back(query.bytes_at(0));
  }
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void SqliteWebhooks::set_hooks(TenantId tenant, std::vector<std::string> hooks, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, hooks = std::move(hooks)](Db& db) -> Result<void> {
        RB_TRY_ASSIGN(const std::vector<std::string> stored, stored_hooks(db, tenant));
        for (const std::string& name : stored) {
          if (!contains(hooks, name)) {
            for (const char* sql :
                 {"DELETE FROM webhooks WHERE tenant = ? AND name = ?",
                  "DELETE FROM webhook_deliveries WHERE tenant = ? AND hook = ?"}) {
              RB_TRY(Query(db, sql).blob(tenant.bytes()).text(name).run());
            }
          }
        }
        RB_TRY_ASSIGN(const AuditHead head, audit_head(db));
        for (const std::string& name : hooks) {
          if (!contains(stored, name)) {
            RB_TRY(Query(db, "INSERT INTO webhooks(tenant, name, looked_at) VALUES(?, ?, ?)")
                       .blob(tenant.bytes())
                       .text(name)
                       .number(static_cast<std::int64_t>(head.seq))
                       .run());
          }
        }
        return {};
      },
      std::move(done));
}

void SqliteWebhooks::collect(TenantId tenant, std::string hook, std::vector<std::string> types,
                             std::size_t most, Timestamp now, Done<bool> done) {
  writer_.submit<bool>(
      Space::keeps,
      [c = Collecting{tenant, std::move(hook), std::move(types), most, now}](Db& db) {
        return collect_now(db, c);
      },
      std::move(done));
}

void SqliteWebhooks::add(TenantId tenant, WebhookDelivery delivery, ChangedBy by,
                         Done<WebhookDelivery> done) {
  writer_.submit<WebhookDelivery>(
      Space::takes,
      [tenant, delivery = std::move(delivery),
       by = std::move(by)](Db& db) -> Result<WebhookDelivery> {
        WebhookDelivery d = delivery;
        RB_TRY(insert(db, tenant, d));
        RB_TRY_ASSIGN(const std::int64_t key, db.number("SELECT last_insert_rowid()"));
        d.id = static_cast<std::uint64_t>(key);
        RB_TRY(write_admin_audit(db, tenant, d.happened, by, "webhook_tested", d.hook, d.event));
        return d;
      },
      std::move(done));
}

void SqliteWebhooks::due(TenantId tenant, std::string hook, Timestamp now,
                         Done<std::optional<WebhookDelivery>> done) {
  done(readers_.read<std::optional<WebhookDelivery>>(
      [&](Db& db) -> Result<std::optional<WebhookDelivery>> {
        Query query(db, kDue);
        query.blob(tenant.bytes()).text(hook).number(to_micros(now));
        RB_TRY_ASSIGN(const bool found, query.row());
        return found ? std::optional(read_delivery(query)) : std::nullopt;
      }));
}

void SqliteWebhooks::tried(TenantId tenant, WebhookDelivery delivery, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, d = std::move(delivery)](Db& db) -> Result<void> {
        RB_TRY(
            Query(db,
                  "UPDATE webhook_deliveries SET attempts = ?, state = ?, next = ?, tried = ?,"
                  " status = ?, error = ? WHERE tenant = ? AND key = ?")
                .number(d.attempts)
                .number(static_cast<std::int64_t>(d.state))
                .number(to_micros(d.next))
                .optional_number(d.tried ? std::optional(to_micros(*d.tried)) : std::nullopt)
                .optional_number(d.status ? std::optional<std::int64_t>(*d.status) : std::nullopt)
                .text(d.error)
                .blob(tenant.bytes())
                .number(static_cast<std::int64_t>(d.id))
                .run());
        if (db.changed_rows() != 1) {
          return Error{Errc::not_found, "there is no delivery " + std::to_string(d.id)};
        }
        return Query(db,
                     "DELETE FROM webhook_deliveries WHERE tenant = ?1 AND hook = ?2 AND state > 0"
                     " AND key <= (SELECT key FROM webhook_deliveries WHERE tenant = ?1"
                     " AND hook = ?2 AND state > 0 ORDER BY key DESC LIMIT 1 OFFSET ?3)")
            .blob(tenant.bytes())
            .text(d.hook)
            .number(static_cast<std::int64_t>(kDeliveriesKept))
            .run();
      },
      std::move(done));
}

void SqliteWebhooks::deliveries(TenantId tenant, std::string hook, std::uint64_t before,
                                std::size_t most, Done<std::vector<WebhookDelivery>> done) {
  done(readers_.read<std::vector<WebhookDelivery>>([&](Db& db) {
    Query query(db, kNewest);
    query.blob(tenant.bytes())
        .text(hook)
        .number(static_cast<std::int64_t>(std::min<std::uint64_t>(before, INT64_MAX)))
        .number(static_cast<std::int64_t>(most));
    return read_deliveries(query);
  }));
}

void SqliteWebhooks::counts(TenantId tenant, Done<std::vector<WebhookCounts>> done) {
  done(readers_.read<std::vector<WebhookCounts>>([&](Db& db) -> Result<std::vector<WebhookCounts>> {
    RB_TRY_ASSIGN(const std::vector<std::string> hooks, stored_hooks(db, tenant));
    std::vector<WebhookCounts> out;
    for (const std::string& name : hooks) {
      WebhookCounts counts;
      counts.hook = name;
      {
        Query query(db,
                    "SELECT count(*) FROM webhook_deliveries"
                    " WHERE tenant = ? AND hook = ? AND state = 0");
        query.blob(tenant.bytes()).text(name);
        RB_TRY(query.row());
        counts.waiting = static_cast<std::uint64_t>(query.number_at(0));
      }
      Query query(db, kTriedLast);
      query.blob(tenant.bytes()).text(name);
      RB_TRY_ASSIGN(const bool found, query.row());
      if (found) {
        counts.last = read_delivery(query);
      }
      out.push_back(std::move(counts));
    }
    return out;
  }));
}

}  // namespace reachback::server
