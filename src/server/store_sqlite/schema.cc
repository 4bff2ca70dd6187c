#include "server/store_sqlite/schema.h"

#include "server/ports/console_app.h"
#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/machine_rows.h"

namespace reachback::server {
namespace {

// Every key begins with the tenant. Two do not, because their question comes before the tenant is
// known: a machine by its key alone, and what is due in any tenant. Ids and digests are blobs,
// times are microseconds since 1970.
constexpr const char* kMigration1 = R"sql(
CREATE TABLE tenants(
  key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL) STRICT;

CREATE TABLE actions(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, id BLOB NOT NULL, machine BLOB NOT NULL,
  status INTEGER NOT NULL,     -- action::Status: 0 pending, 4 in progress, else final
  created INTEGER NOT NULL,
  deadline INTEGER,            -- action::deadline(); NULL when final
  version INTEGER NOT NULL,
  document BLOB NOT NULL       -- action_codec.h: all that is not a column
) STRICT;
CREATE UNIQUE INDEX actions_id ON actions(tenant, id);
CREATE UNIQUE INDEX actions_active ON actions(tenant, machine) WHERE status IN (0, 4);
CREATE INDEX actions_newest ON actions(tenant, created DESC, id DESC);
CREATE INDEX actions_due ON actions(deadline) WHERE deadline IS NOT NULL;

CREATE TABLE idempotency(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, caller TEXT NOT NULL, name TEXT NOT NULL,
  body BLOB NOT NULL, action BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX idempotency_name ON idempotency(tenant, caller, name);

CREATE TABLE audit(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, action BLOB NOT NULL, at INTEGER NOT NULL,
  kind TEXT NOT NULL, principal TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE INDEX audit_action ON audit(tenant, action);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit rows are not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit rows are not deleted'); END;

CREATE TABLE machines(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, id BLOB NOT NULL UNIQUE,
  token BLOB NOT NULL,         -- the enrolment token it came with
  public_key BLOB NOT NULL, name TEXT NOT NULL,
  os_platform TEXT NOT NULL, os_version TEXT NOT NULL, os_architecture TEXT NOT NULL,
  agent_version TEXT NOT NULL, last_ip TEXT NOT NULL, last_external_ip TEXT NOT NULL,
  ip_addresses BLOB NOT NULL, tags BLOB NOT NULL,  -- action_codec.h: lists
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  contact BLOB NOT NULL, generation BLOB, revoked INTEGER NOT NULL) STRICT;
CREATE INDEX machines_first_seen ON machines(tenant, first_seen, id);
CREATE INDEX machines_name ON machines(tenant, name);

CREATE TABLE library_versions(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, sha256 BLOB NOT NULL,
  name TEXT NOT NULL, bytes INTEGER NOT NULL, blob TEXT NOT NULL,
  description TEXT, parameters_description TEXT, has_parameters INTEGER NOT NULL,
  created_by TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX library_versions_sha256 ON library_versions(tenant, sha256);
CREATE TABLE library_names(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, folded TEXT NOT NULL,  -- the name in lower case
  sha256 BLOB NOT NULL,
  name TEXT NOT NULL, bytes INTEGER NOT NULL, blob TEXT NOT NULL,
  description TEXT, parameters_description TEXT, has_parameters INTEGER NOT NULL,
  created_by TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX library_names_folded ON library_names(tenant, folded);

CREATE TABLE apps(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL,
  roles BLOB NOT NULL, secret BLOB NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX apps_id ON apps(tenant, id);
CREATE UNIQUE INDEX apps_name ON apps(tenant, name);

CREATE TABLE tokens(
  key INTEGER PRIMARY KEY,
  token BLOB NOT NULL UNIQUE, tenant BLOB NOT NULL,
  expires INTEGER NOT NULL, uses_left INTEGER NOT NULL,
  tags BLOB NOT NULL, created INTEGER NOT NULL) STRICT;
)sql";

// Old machines' confirmed contact is NULL, not known: the next one they come with is taken.
constexpr const char* kMigration2 = R"sql(
ALTER TABLE machines ADD COLUMN confirmed_contact BLOB;
ALTER TABLE machines ADD COLUMN quarantined INTEGER;  -- since; NULL: not
ALTER TABLE machines ADD COLUMN quarantine_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE machines ADD COLUMN order_keys_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE machines ADD COLUMN life BLOB NOT NULL DEFAULT x'';  -- of the agent that came last
ALTER TABLE machines ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
)sql";

// The audit becomes a hash chain over all tables (audit_chain.h). Rows are only ever added at the
// end: REPLACE, which deletes without a trigger, is refused by the order of seq.
constexpr const char* kAuditChain = R"sql(
DROP INDEX audit_action;
DROP TRIGGER audit_is_not_changed;
DROP TRIGGER audit_is_not_deleted;
ALTER TABLE audit RENAME TO audit_without_chain;
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY,     -- 1, 2, 3, ... without a gap
  tenant BLOB NOT NULL,
  action BLOB,                 -- NULL: about something else, which `object` names
  at INTEGER NOT NULL,
  kind TEXT NOT NULL, principal TEXT NOT NULL,
  object TEXT NOT NULL, detail TEXT NOT NULL, result TEXT NOT NULL,
  token_id TEXT NOT NULL, peer_ip TEXT NOT NULL,
  request BLOB,                -- digest of the call that asked for it
  hash BLOB NOT NULL) STRICT;
CREATE INDEX audit_action ON audit(tenant, action) WHERE action IS NOT NULL;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit rows are not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit rows are not deleted'); END;
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
  WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit)
  BEGIN SELECT RAISE(ABORT, 'audit rows are added at the end'); END;
)sql";

// Rows from before the chain are chained in their order.
Result<void> chain_old_rows(Db& db) {
  {
    Query old(db,
              "SELECT tenant, action, at, kind, principal, detail FROM audit_without_chain"
              " ORDER BY key");
    while (true) {
      RB_TRY_ASSIGN(bool found, old.row());
      if (!found) {
        break;
      }
      AuditRow row;
      row.tenant = old.bytes_at(0);
      row.action = std::string(old.bytes_at(1));
      row.at = old.number_at(2);
      row.kind = old.bytes_at(3);
      row.principal = old.bytes_at(4);
      row.detail = old.bytes_at(5);
      RB_TRY(append_audit_row(db, row));
    }
  }
  return db.exec("DROP TABLE audit_without_chain");
}

// What lists are filtered and ordered by. The other properties are read from the document: they are
// asked for seldom. Which filter is answered by which index: list_columns.cc.
constexpr const char* kListColumns = R"sql(
ALTER TABLE actions ADD COLUMN host TEXT NOT NULL DEFAULT '';  -- machine_name in lower case
ALTER TABLE actions ADD COLUMN requestor TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE actions ADD COLUMN external_id TEXT;
UPDATE actions SET
  host = coalesce(rb_action(document, 'computerDnsName'), ''),
  requestor = coalesce(rb_action(document, 'requestor'), ''),
  updated = coalesce(rb_action(document, 'lastUpdateDateTimeUtc'), created),
  external_id = rb_action(document, 'externalId');
DROP INDEX actions_newest;
CREATE INDEX actions_newest ON actions(tenant, created DESC, id DESC, status);
CREATE INDEX actions_status ON actions(tenant, status, created DESC, id DESC);
CREATE INDEX actions_machine ON actions(tenant, machine, created DESC, id DESC, status);
CREATE INDEX actions_requestor ON actions(tenant, requestor, created DESC, id DESC);
CREATE INDEX actions_requestor_status ON actions(tenant, requestor, status, created DESC, id DESC);
CREATE INDEX actions_host ON actions(tenant, host, created DESC, id DESC);
CREATE INDEX actions_external ON actions(tenant, external_id, created DESC, id DESC)
  WHERE external_id IS NOT NULL;
CREATE INDEX actions_updated ON actions(tenant, updated, id);
CREATE INDEX machines_folded_name ON machines(tenant, lower(name));
)sql";

// machine_tags and machine_addresses are what machines are found by; an address without `until` is
// one that the machine has.
constexpr const char* kInventory = R"sql(
ALTER TABLE machines ADD COLUMN addresses BLOB NOT NULL DEFAULT x'';  -- machine_rows.h
ALTER TABLE machines ADD COLUMN os_distribution TEXT NOT NULL DEFAULT '';
ALTER TABLE machines ADD COLUMN os_build INTEGER NOT NULL DEFAULT 0;
ALTER TABLE machines ADD COLUMN os_processor TEXT NOT NULL DEFAULT '';
ALTER TABLE machines ADD COLUMN device_value INTEGER NOT NULL DEFAULT 0;  -- DeviceValue
CREATE TABLE machine_tags(
  tenant BLOB NOT NULL, tag TEXT NOT NULL, machine BLOB NOT NULL,
  PRIMARY KEY(tenant, tag, machine)) STRICT, WITHOUT ROWID;
CREATE INDEX machine_tags_machine ON machine_tags(tenant, machine);
CREATE TABLE machine_addresses(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, machine BLOB NOT NULL, address TEXT NOT NULL,
  since INTEGER NOT NULL, until INTEGER) STRICT;
CREATE INDEX machine_addresses_address ON machine_addresses(tenant, address);
CREATE INDEX machine_addresses_machine ON machine_addresses(machine);
)sql";

// Addresses without their interfaces become the new form; agents tell the rest when they connect.
Result<void> take_over_inventory(Db& db) {
  struct Old {
    TenantId tenant;
    MachineId id;
    std::vector<std::string> addresses, tags;
    Timestamp last_seen;
  };
  std::vector<Old> machines;
  {
    Query query(db, "SELECT tenant, id, ip_addresses, tags, last_seen FROM machines");
    while (true) {
      RB_TRY_ASSIGN(const bool found, query.row());
      if (!found) {
        break;
      }
      auto tenant = TenantId::from_bytes(query.bytes_at(0));
      auto id = MachineId::from_bytes(query.bytes_at(1));
      if (!tenant || !id) {
        return Error{Errc::corrupt, "stored machine: damaged row"};
      }
      RB_TRY_ASSIGN(auto addresses, decode_list(query.bytes_at(2)));
      RB_TRY_ASSIGN(auto tags, decode_list(query.bytes_at(3)));
      machines.push_back(
          {*tenant, *id, std::move(addresses), std::move(tags), from_micros(query.number_at(4))});
    }
  }
  for (const Old& old : machines) {
    std::vector<NetworkAddress> addresses;
    addresses.reserve(old.addresses.size());
    for (const std::string& ip : old.addresses) {
      addresses.push_back({ip, {}, InterfaceType::unknown, OperationalStatus::unknown});
    }
    RB_TRY(Query(db, "UPDATE machines SET addresses = ? WHERE id = ?")
               .blob(encode_addresses(addresses))
               .blob(old.id.bytes())
               .run());
    RB_TRY(set_machine_tags(db, old.tenant, old.id, old.tags));
    RB_TRY(follow_addresses(db, old.tenant, old.id, addresses, old.last_seen, old.last_seen));
  }
  return db.exec("ALTER TABLE machines DROP COLUMN ip_addresses");
}

// An application may sign in by certificate. One without a secret has an empty blob there, which is
// no digest.
constexpr const char* kAppCertificates = R"sql(
ALTER TABLE apps ADD COLUMN rate_factor INTEGER NOT NULL DEFAULT 1;  -- App::rate_factor
CREATE TABLE app_certificates(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, app BLOB NOT NULL,
  thumbprint BLOB NOT NULL, sha1 BLOB NOT NULL,  -- of the certificate's DER
  public_key BLOB NOT NULL,    -- SubjectPublicKeyInfo, DER
  subject TEXT NOT NULL,
  not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, added INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX app_certificates_app ON app_certificates(tenant, app, thumbprint);
)sql";

// Applications by which users sign in, users, their device groups, and what each let an application
// do. folded: the name in lower case. A machine's group is found by machine_tags.
constexpr const char* kUsers = R"sql(
ALTER TABLE apps ADD COLUMN redirect_uris BLOB NOT NULL DEFAULT x'01';  -- action_codec.h: lists
ALTER TABLE apps ADD COLUMN scopes BLOB NOT NULL DEFAULT x'01';
CREATE TABLE users(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL,
  password TEXT NOT NULL,      -- its hash
  totp_key BLOB NOT NULL,      -- empty: none
  totp_step INTEGER NOT NULL,  -- the last one that was used
  roles INTEGER NOT NULL,      -- UserRoles
  disabled INTEGER NOT NULL, valid_from INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX users_id ON users(tenant, id);
CREATE UNIQUE INDEX users_folded ON users(tenant, folded);
CREATE TABLE device_groups(
  key INTEGER PRIMARY KEY AUTOINCREMENT,  -- DeviceGroup::id
  tenant BLOB NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX device_groups_name ON device_groups(tenant, name);
CREATE INDEX device_groups_tag ON device_groups(tenant, tag);
CREATE TABLE user_groups(
  tenant BLOB NOT NULL, user BLOB NOT NULL, device_group INTEGER NOT NULL,
  PRIMARY KEY(tenant, user, device_group)) STRICT, WITHOUT ROWID;
CREATE TABLE user_grants(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, id BLOB NOT NULL, user BLOB NOT NULL, app BLOB NOT NULL,
  scopes BLOB NOT NULL, audience TEXT NOT NULL,
  token BLOB NOT NULL,         -- digest of the refresh token that counts
  created INTEGER NOT NULL, expires INTEGER NOT NULL, ended INTEGER) STRICT;
CREATE UNIQUE INDEX user_grants_id ON user_grants(tenant, id);
CREATE INDEX user_grants_user ON user_grants(tenant, user);
CREATE INDEX user_grants_expires ON user_grants(expires);
CREATE INDEX user_grants_ended ON user_grants(ended) WHERE ended IS NOT NULL;
)sql";

// Webhooks stand in the settings file; here is how far each has looked at the audit, and its
// deliveries.
constexpr const char* kWebhooks = R"sql(
CREATE TABLE webhooks(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, name TEXT NOT NULL,
  looked_at INTEGER NOT NULL   -- audit.seq
) STRICT;
CREATE UNIQUE INDEX webhooks_name ON webhooks(tenant, name);
CREATE TABLE webhook_deliveries(
  key INTEGER PRIMARY KEY AUTOINCREMENT,  -- WebhookDelivery::id
  tenant BLOB NOT NULL, hook TEXT NOT NULL,
  event TEXT NOT NULL, type TEXT NOT NULL, object TEXT NOT NULL, happened INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  state INTEGER NOT NULL,      -- DeliveryState
  next INTEGER NOT NULL, tried INTEGER, status INTEGER, error TEXT NOT NULL) STRICT;
CREATE INDEX webhook_deliveries_log ON webhook_deliveries(tenant, hook, key);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries(tenant, hook, next) WHERE state = 0;
CREATE INDEX webhook_deliveries_tried ON webhook_deliveries(tenant, hook, tried)
  WHERE tried IS NOT NULL;
)sql";

// Interactive sessions, and which actions were lines of them.
constexpr const char* kSessions = R"sql(
CREATE TABLE sessions(
  key INTEGER PRIMARY KEY,
  tenant BLOB NOT NULL, id BLOB NOT NULL, machine BLOB NOT NULL, machine_name TEXT NOT NULL,
  caller TEXT NOT NULL, creator TEXT NOT NULL, comment TEXT NOT NULL,
  created INTEGER NOT NULL, last_used INTEGER NOT NULL,
  ended INTEGER, end_reason TEXT NOT NULL,
  commands INTEGER NOT NULL    -- lines so far
) STRICT;
CREATE UNIQUE INDEX sessions_id ON sessions(tenant, id);
CREATE INDEX sessions_open ON sessions(tenant, created DESC) WHERE ended IS NULL;
CREATE INDEX sessions_idle ON sessions(last_used) WHERE ended IS NULL;
CREATE TABLE session_commands(
  session INTEGER NOT NULL,    -- sessions.key
  number INTEGER NOT NULL,
  tenant BLOB NOT NULL, action BLOB NOT NULL, line TEXT NOT NULL, folder TEXT NOT NULL,
  PRIMARY KEY(session, number)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX session_commands_action ON session_commands(tenant, action);
)sql";

// Data directories from before the console get its application, once: who deletes it stays without.
Result<void> add_console_apps(Db& db) {
  std::vector<TenantId> tenants;
  {
    Query query(db, "SELECT id FROM tenants ORDER BY key");
    while (true) {
      RB_TRY_ASSIGN(const bool found, query.row());
      if (!found) {
        break;
      }
      auto tenant = TenantId::from_bytes(query.bytes_at(0));
      if (!tenant) {
        return Error{Errc::corrupt, "stored tenant: damaged row"};
      }
      tenants.push_back(*tenant);
    }
  }
  const Timestamp now = SystemClock().now();
  for (const TenantId& tenant : tenants) {
    App app = console_app(tenant, now);
    {
      Query query(db, "SELECT 1 FROM apps WHERE tenant = ? AND name = ?");
      query.blob(tenant.bytes()).text(app.name);
      RB_TRY_ASSIGN(const bool taken, query.row());
      app.name += taken ? " (built in)" : "";
    }
    RB_TRY(Query(db,
                 "INSERT INTO apps(tenant, id, name, roles, secret, created, redirect_uris, scopes)"
                 " VALUES(?, ?, ?, ?, x'', ?, ?, ?)")
               .blob(tenant.bytes())
               .blob(app.id.bytes())
               .text(app.name)
               .blob(encode_list(app.roles))
               .number(to_micros(now))
               .blob(encode_list(app.redirect_uris))
               .blob(encode_list(app.scopes))
               .run());
    AuditRow row;
    row.tenant = tenant.bytes();
    row.at = to_micros(now);
    row.kind = "app_created";
    row.principal = "system";
    row.object = app.id.text();
    row.detail = app.name + ": with the update that brought the console";
    RB_TRY(append_audit_row(db, row));
  }
  return {};
}

// kMigrations[v] leads from version v to v + 1. Written once, never edited after a release.
struct Migration {
  const char* sql;
  Result<void> (*then)(Db& db);  // what SQL cannot do; may be null
};
constexpr Migration kMigrations[] = {
    {kMigration1, nullptr},
    {kMigration2, nullptr},
    {kAuditChain, chain_old_rows},
    {kListColumns, nullptr},
    {kInventory, take_over_inventory},
    {kAppCertificates, nullptr},
    {kUsers, nullptr},
    {"", add_console_apps},
    {kWebhooks, nullptr},
    {kSessions, nullptr},
};
static_assert(std::size(kMigrations) == kSchemaVersion);

Result<void> run_migrations(Db& db, std::int64_t from, std::int64_t to) {
  RB_TRY(db.exec("BEGIN IMMEDIATE"));
  for (std::int64_t v = from; v < to; ++v) {
    auto done = db.exec(kMigrations[v].sql);
    if (done && kMigrations[v].then != nullptr) {
      done = kMigrations[v].then(db);
    }
    if (!done) {
      (void)db.exec("ROLLBACK");
      return done.error().in("migration to schema " + std::to_string(v + 1));
    }
  }
  // In the same transaction, so that a half-made database never carries a version.
  std::string finish = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                       "; PRAGMA user_version=" + std::to_string(to) + "; COMMIT;";
  auto done = db.exec(finish.c_str());
  if (!done && db.in_transaction()) {
    (void)db.exec("ROLLBACK");
  }
  return done;
}

}  // namespace

Result<void> create_schema(Db& db, const std::string& path, std::int64_t version_wanted) {
  RB_TRY_ASSIGN(auto application, db.number("PRAGMA application_id"));
  RB_TRY_ASSIGN(auto version, db.number("PRAGMA user_version"));
  RB_TRY_ASSIGN(auto tables, db.number("SELECT count(*) FROM sqlite_schema"));
  if (application != 0 || version != 0 || tables != 0) {
    return Error{Errc::already_exists, "create database " + path + ": there is one already"};
  }
  RB_TRY(db.exec("PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"));
  return run_migrations(db, 0, version_wanted);
}

Result<void> migrate_schema(Db& db, const std::string& path) {
  RB_TRY_ASSIGN(auto application, db.number("PRAGMA application_id"));
  RB_TRY_ASSIGN(auto version, db.number("PRAGMA user_version"));
  if (application == 0 && version == 0) {
    return Error{Errc::corrupt,
                 "open database " + path + ": its making was never finished; make it again"};
  }
  if (application != kApplicationId || version < 1) {
    return Error{Errc::corrupt, "open database " + path + ": not a Reachback database"};
  }
  if (version > kSchemaVersion) {
    return Error{Errc::mismatch, "open database " + path + ": its schema is version " +
                                     std::to_string(version) + ", this program knows up to " +
                                     std::to_string(kSchemaVersion) +
                                     "; use the newer program (nothing was changed)"};
  }
  return version < kSchemaVersion ? run_migrations(db, version, kSchemaVersion) : Result<void>();
}

}  // namespace reachback::server
