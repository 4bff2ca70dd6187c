#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

Result<App> read_app(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  auto id = AppId::from_bytes(row.bytes_at(1));
  auto secret = sha256_from_bytes(row.bytes_at(4));
  if (!tenant || !id || !secret) {
    return Error{Errc::corrupt, "stored application: damaged row"};
  }
  App a;
  a.tenant = *tenant;
  a.id = *id;
  a.name = row.bytes_at(2);
  RB_TRY_ASSIGN(a.roles, decode_list(row.bytes_at(3)));
  a.secret = *secret;
  a.created = from_micros(row.number_at(5));
  return a;
}

Error no_such_app(const AppId& id) {
  return Error{Errc::not_found, "no application " + id.text()};
}

// Applications and tokens are changed by administrators on the server's own machine, and by nobody
// else.
Result<void> write_admin_audit(Db& db, const TenantId& tenant, Timestamp at, const char* kind,
                               std::string object, std::string detail) {
  AuditRow row;
  row.tenant = tenant.bytes();
  row.at = to_micros(at);
  row.kind = kind;
  row.principal = "local administrator";
  row.object = std::move(object);
  row.detail = std::move(detail);
  return append_audit_row(db, row);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

Result<bool> is_there(Query& query) {
  return query.row();
}

Result<void> insert_app(Db& db, const App& a) {
  {
    Query query(db, "SELECT 1 FROM apps WHERE tenant = ? AND (id = ? OR name = ?)");
    query.blob(a.tenant.bytes()).blob(a.id.bytes()).text(a.name);
    RB_TRY_ASSIGN(bool taken, is_there(query));
    if (taken) {
      return Error{Errc::already_exists,
                   "there is an application " + a.id.text() + " or '" + a.name + "'"};
    }
  }
  RB_TRY(Query(db,
               "INSERT INTO apps(tenant, id, name, roles, secret, created)"
               " VALUES(?, ?, ?, ?, ?, ?)")
             .blob(a.tenant.bytes())
             .blob(a.id.bytes())
             .text(a.name)
             .blob(encode_list(a.roles))
             .blob(as_bytes(a.secret))
             .number(to_micros(a.created))
             .run());
  return write_admin_audit(db, a.tenant, a.created, "app_created", a.id.text(),
                           a.name + ": " + joined(a.roles));
}

}  // namespace

void SqliteApps::add_tenant(Tenant tenant, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [tenant = std::move(tenant)](Db& db) -> Result<void> {
        RB_TRY(Query(db, "INSERT INTO tenants(id, name) VALUES(?, ?) ON CONFLICT(id) DO NOTHING")
                   .blob(tenant.id.bytes())
                   .text(tenant.name)
                   .run());
        return db.changed_rows() == 1
                   ? Result<void>()
                   : Error{Errc::already_exists, "there is a tenant " + tenant.id.text()};
      },
      std::move(done));
}

void SqliteApps::tenants(Done<std::vector<Tenant>> done) {
  done(readers_.read<std::vector<Tenant>>([](Db& db) -> Result<std::vector<Tenant>> {
    Query query(db, "SELECT id, name FROM tenants ORDER BY key");
    std::vector<Tenant> all;
    while (true) {
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return all;
      }
      auto id = TenantId::from_bytes(query.bytes_at(0));
      if (!id) {
        return Error{Errc::corrupt, "stored tenant: damaged row"};
      }
      all.push_back({*id, std::string(query.bytes_at(1))});
    }
  }));
}

void SqliteApps::add_app(App app, Done<void> done) {
  writer_.submit_void(
      Space::takes, [app = std::move(app)](Db& db) { return insert_app(db, app); },
      std::move(done));
}

void SqliteApps::app(TenantId tenant, AppId id, Done<App> done) {
  done(readers_.read<App>([&](Db& db) -> Result<App> {
    Query query(db,
                "SELECT tenant, id, name, roles, secret, created FROM apps"
                " WHERE tenant = ? AND id = ?");
    query.blob(tenant.bytes()).blob(id.bytes());
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return no_such_app(id);
    }
    return read_app(query);
  }));
}

void SqliteApps::apps(TenantId tenant, Done<std::vector<App>> done) {
  done(readers_.read<std::vector<App>>([&](Db& db) -> Result<std::vector<App>> {
    Query query(db,
                "SELECT tenant, id, name, roles, secret, created FROM apps"
                " WHERE tenant = ? ORDER BY name");
    query.blob(tenant.bytes());
    std::vector<App> all;
    while (true) {
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return all;
      }
      RB_TRY_ASSIGN(App a, read_app(query));
      all.push_back(std::move(a));
    }
  }));
}

void SqliteApps::set_secret(TenantId tenant, AppId id, Sha256 secret, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, secret, now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "UPDATE apps SET secret = ? WHERE tenant = ? AND id = ?")
                   .blob(as_bytes(secret))
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, tenant, now, "app_rotated", id.text(), "")
                   : no_such_app(id);
      },
      std::move(done));
}

void SqliteApps::remove_app(TenantId tenant, AppId id, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "DELETE FROM apps WHERE tenant = ? AND id = ?")
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, tenant, now, "app_deleted", id.text(), "")
                   : no_such_app(id);
      },
      std::move(done));
}

void SqliteApps::add_token(EnrollmentToken token, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [token = std::move(token)](Db& db) -> Result<void> {
        RB_TRY(Query(db,
                     "INSERT INTO tokens(token, tenant, expires, uses_left, tags, created)"
                     " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(token) DO NOTHING")
                   .blob(as_bytes(token.token))
                   .blob(token.tenant.bytes())
                   .number(to_micros(token.expires))
                   .number(token.uses_left)
                   .blob(encode_list(token.tags))
                   .number(to_micros(token.created))
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, token.tenant, token.created, "enrollment_token_created",
                                       to_hex(as_bytes(token.token)),  // its digest
                                       std::to_string(token.uses_left) + " uses until " +
                                           format_time(token.expires))
                   : Error{Errc::already_exists, "there is such an enrolment token"};
      },
      std::move(done));
}

}  // namespace reachback::server
