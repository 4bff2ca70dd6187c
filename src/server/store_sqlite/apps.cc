#include <limits>

#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/admin_audit.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

constexpr const char* kAppsOfTenant =
    "SELECT tenant, id, name, roles, secret, created, rate_factor, redirect_uris, scopes"
    " FROM apps WHERE tenant = ? ORDER BY name";
constexpr const char* kAppById =
    "SELECT tenant, id, name, roles, secret, created, rate_factor, redirect_uris, scopes"
    " FROM apps WHERE tenant = ? AND id = ?";

// Without its certificates.
Result<App> read_app(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  auto id = AppId::from_bytes(row.bytes_at(1));
  auto secret = sha256_from_bytes(row.bytes_at(4));
  const bool has_secret = !row.bytes_at(4).empty();
  const std::int64_t factor = row.number_at(6);
  if (!tenant || !id || (has_secret && !secret) || factor < 0 ||
      factor > std::numeric_limits<std::uint32_t>::max()) {
    return Error{Errc::corrupt, "stored application: damaged row"};
  }
  App a;
  a.tenant = *tenant;
  a.id = *id;
  a.name = row.bytes_at(2);
  RB_TRY_ASSIGN(a.roles, decode_list(row.bytes_at(3)));
  a.secret = secret;
  a.created = from_micros(row.number_at(5));
  a.rate_factor = static_cast<std::uint32_t>(factor);
  RB_TRY_ASSIGN(a.redirect_uris, decode_list(row.bytes_at(7)));
  RB_TRY_ASSIGN(a.scopes, decode_list(row.bytes_at(8)));
  return a;
}

Result<void> read_certificates(Db& db, App& a) {
  Query query(db,
              "SELECT thumbprint, sha1, public_key, subject, not_before, not_after, added"
              " FROM app_certificates WHERE tenant = ? AND app = ? ORDER BY key");
  query.blob(a.tenant.bytes()).blob(a.id.bytes());
  while (true) {
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return {};
    }
    auto thumbprint = sha256_from_bytes(query.bytes_at(0));
    if (!thumbprint) {
      return Error{Errc::corrupt, "stored certificate of an application: damaged row"};
    }
    AppCertificate c;
    c.thumbprint = *thumbprint;
    c.sha1 = query.bytes_at(1);
    c.public_key = query.bytes_at(2);
    c.subject = query.bytes_at(3);
    c.not_before = from_micros(query.number_at(4));
    c.not_after = from_micros(query.number_at(5));
    c.added = from_micros(query.number_at(6));
    a.certificates.push_back(std::move(c));
  }
}

Error no_such_app(const AppId& id) {
  return Error{Errc::not_found, "no application " + id.text()};
}

Error no_such_certificate(const AppId& id, const Sha256& thumbprint) {
  return Error{Errc::not_found,
               "application " + id.text() + " has no certificate " + to_hex(as_bytes(thumbprint))};
}

Result<void> check_new_certificate(const App& a, const AppCertificate& c, std::size_t max) {
  for (const AppCertificate& other : a.certificates) {
    if (other.thumbprint == c.thumbprint) {
      return Error{Errc::already_exists, "application " + a.id.text() + " has this certificate"};
    }
  }
  if (a.certificates.size() >= max) {
    return Error{Errc::invalid_input, "application " + a.id.text() + " has " + std::to_string(max) +
                                          " certificates, no more fit"};
  }
  return {};
}

Result<bool> is_there(Query& query) {
  return query.row();
}

Result<void> insert_app(Db& db, const App& a, const ChangedBy& by) {
  {
    Query query(db, "SELECT 1 FROM apps WHERE tenant = ? AND (id = ? OR name = ?)");
    query.blob(a.tenant.bytes()).blob(a.id.bytes()).text(a.name);
    RB_TRY_ASSIGN(bool taken, is_there(query));
    if (taken) {
      return Error{Errc::already_exists,
                   "there is an application " + a.id.text() + " or '" + a.name + "'"};
    }
  }
  RB_TRY(
      Query(db,
            "INSERT INTO apps(tenant, id, name, roles, secret, created, rate_factor, redirect_uris,"
            " scopes) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")
          .blob(a.tenant.bytes())
          .blob(a.id.bytes())
          .text(a.name)
          .blob(encode_list(a.roles))
          .blob(a.secret ? as_bytes(*a.secret) : std::string_view(""))
          .number(to_micros(a.created))
          .number(a.rate_factor)
          .blob(encode_list(a.redirect_uris))
          .blob(encode_list(a.scopes))
          .run());
  return write_admin_audit(db, a.tenant, a.created, by, "app_created", a.id.text(),
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

void SqliteApps::add_app(App app, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [app = std::move(app), by = std::move(by)](Db& db) { return insert_app(db, app, by); },
      std::move(done));
}

void SqliteApps::app(TenantId tenant, AppId id, Done<App> done) {
  done(readers_.read<App>([&](Db& db) -> Result<App> {
    Query query(db, kAppById);
    query.blob(tenant.bytes()).blob(id.bytes());
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return no_such_app(id);
    }
    RB_TRY_ASSIGN(App a, read_app(query));
    RB_TRY(read_certificates(db, a));
    return a;
  }));
}

void SqliteApps::apps(TenantId tenant, Done<std::vector<App>> done) {
  done(readers_.read<std::vector<App>>([&](Db& db) -> Result<std::vector<App>> {
    Query query(db, kAppsOfTenant);
    query.blob(tenant.bytes());
    std::vector<App> all;
    while (true) {
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return all;
      }
      RB_TRY_ASSIGN(App a, read_app(query));
      RB_TRY(read_certificates(db, a));
      all.push_back(std::move(a));
    }
  }));
}

void SqliteApps::set_secret(TenantId tenant, AppId id, Sha256 secret, ChangedBy by,
                            Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, secret, by = std::move(by), now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "UPDATE apps SET secret = ? WHERE tenant = ? AND id = ?")
                   .blob(as_bytes(secret))
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, tenant, now, by, "app_rotated", id.text(), "")
                   : no_such_app(id);
      },
      std::move(done));
}

void SqliteApps::remove_app(TenantId tenant, AppId id, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, by = std::move(by), now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "DELETE FROM app_certificates WHERE tenant = ? AND app = ?")
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        RB_TRY(Query(db, "DELETE FROM apps WHERE tenant = ? AND id = ?")
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, tenant, now, by, "app_deleted", id.text(), "")
                   : no_such_app(id);
      },
      std::move(done));
}

void SqliteApps::add_certificate(TenantId tenant, AppId id, AppCertificate certificate,
                                 std::size_t certificates_max, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [tenant, id, c = std::move(certificate), certificates_max](Db& db) -> Result<void> {
        App a;
        {
          Query query(db, kAppById);
          query.blob(tenant.bytes()).blob(id.bytes());
          RB_TRY_ASSIGN(bool found, query.row());
          if (!found) {
            return no_such_app(id);
          }
          RB_TRY_ASSIGN(a, read_app(query));
        }
        RB_TRY(read_certificates(db, a));
        RB_TRY(check_new_certificate(a, c, certificates_max));
        RB_TRY(Query(db,
                     "INSERT INTO app_certificates(tenant, app, thumbprint, sha1, public_key,"
                     " subject, not_before, not_after, added) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .blob(as_bytes(c.thumbprint))
                   .blob(c.sha1)
                   .blob(c.public_key)
                   .text(c.subject)
                   .number(to_micros(c.not_before))
                   .number(to_micros(c.not_after))
                   .number(to_micros(c.added))
                   .run());
        return write_admin_audit(db, tenant, c.added, ChangedBy(), "app_certificate_added",
                                 id.text(), to_hex(as_bytes(c.thumbprint)) + " " + c.subject);
      },
      std::move(done));
}

void SqliteApps::remove_certificate(TenantId tenant, AppId id, Sha256 thumbprint, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, thumbprint, now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db,
                     "DELETE FROM app_certificates"
                     " WHERE tenant = ? AND app = ? AND thumbprint = ?")
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .blob(as_bytes(thumbprint))
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, tenant, now, ChangedBy(), "app_certificate_removed",
                                       id.text(), to_hex(as_bytes(thumbprint)))
                   : no_such_certificate(id, thumbprint);
      },
      std::move(done));
}

void SqliteApps::set_rate_factor(TenantId tenant, AppId id, std::uint32_t factor, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, factor, now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "UPDATE apps SET rate_factor = ? WHERE tenant = ? AND id = ?")
                   .number(factor)
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(
                         db, tenant, now, ChangedBy(), "app_limits", id.text(),
                         factor == 0 ? "no call rates" : "call rates x " + std::to_string(factor))
                   : no_such_app(id);
      },
      std::move(done));
}

void SqliteApps::add_token(EnrollmentToken token, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [token = std::move(token), by = std::move(by)](Db& db) -> Result<void> {
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
                   ? write_admin_audit(db, token.tenant, token.created, by,
                                       "enrollment_token_created",
                                       to_hex(as_bytes(token.token)),  // its digest
                                       std::to_string(token.uses_left) + " uses until " +
                                           format_time(token.expires))
                   : Error{Errc::already_exists, "there is such an enrolment token"};
      },
      std::move(done));
}

void SqliteApps::live_tokens(TenantId tenant, Timestamp now, std::size_t most,
                             Done<std::vector<EnrollmentToken>> done) {
  done(readers_.read<std::vector<EnrollmentToken>>(
      [&](Db& db) -> Result<std::vector<EnrollmentToken>> {
        Query query(db,
                    "SELECT token, expires, uses_left, tags, created FROM tokens WHERE tenant = ?"
                    " AND expires > ? AND uses_left > 0 ORDER BY key DESC LIMIT ?");
        query.blob(tenant.bytes()).number(to_micros(now)).number(static_cast<std::int64_t>(most));
        std::vector<EnrollmentToken> all;
        while (true) {
          RB_TRY_ASSIGN(bool found, query.row());
          if (!found) {
            return all;
          }
          auto token = sha256_from_bytes(query.bytes_at(0));
          if (!token) {
            return Error{Errc::corrupt, "stored enrolment token: damaged row"};
          }
          EnrollmentToken t{tenant,
                            *token,
                            from_micros(query.number_at(1)),
                            static_cast<std::uint32_t>(query.number_at(2)),
                            {},
                            {}};
          RB_TRY_ASSIGN(t.tags, decode_list(query.bytes_at(3)));
          t.created = from_micros(query.number_at(4));
          all.push_back(std::move(t));
        }
      }));
}

void SqliteApps::remove_token(TenantId tenant, Sha256 token, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, token, by = std::move(by), now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "DELETE FROM tokens WHERE tenant = ? AND token = ?")
                   .blob(tenant.bytes())
                   .blob(as_bytes(token))
                   .run());
        return db.changed_rows() == 1
                   ? write_admin_audit(db, tenant, now, by, "enrollment_token_deleted",
                                       to_hex(as_bytes(token)), "")
                   : Error{Errc::not_found, "there is no such enrolment token"};
      },
      std::move(done));
}

}  // namespace reachback::server
