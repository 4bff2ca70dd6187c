#include "base/bytes.h"
#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

constexpr const char* kGrantById =
    "SELECT tenant, id, user, app, scopes, audience, token, created, expires, ended"
    " FROM user_grants WHERE tenant = ? AND id = ?";
constexpr const char* kEndedGrants =
    "SELECT tenant, id, user, app, scopes, audience, token, created, expires, ended"
    " FROM user_grants WHERE ended >= ?";

Error no_such_grant() {
  return Error{Errc::not_found, "no such grant"};
}

Result<UserGrant> read_grant(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  auto id = GrantId::from_bytes(row.bytes_at(1));
  auto user = UserId::from_bytes(row.bytes_at(2));
  auto app = AppId::from_bytes(row.bytes_at(3));
  auto token = sha256_from_bytes(row.bytes_at(6));
  if (!tenant || !id || !user || !app || !token) {
    return Error{Errc::corrupt, "stored grant of a user: damaged row"};
  }
  UserGrant g;
  g.tenant = *tenant;
  g.id = *id;
  g.user = *user;
  g.app = *app;
  RB_TRY_ASSIGN(g.scopes, decode_list(row.bytes_at(4)));
  g.audience = row.bytes_at(5);
  g.token = *token;
  g.created = from_micros(row.number_at(7));
  g.expires = from_micros(row.number_at(8));
  if (!row.null_at(9)) {
    g.ended = from_micros(row.number_at(9));
  }
  return g;
}

Result<UserGrant> grant_by_id(Db& db, const TenantId& tenant, const GrantId& id) {
  Query query(db, kGrantById);
  query.blob(tenant.bytes()).blob(id.bytes());
  RB_TRY_ASSIGN(bool found, query.row());
  if (!found) {
    return no_such_grant();
  }
  return read_grant(query);
}

Result<void> end_grant_now(Db& db, const TenantId& tenant, const GrantId& id, Timestamp now) {
  return Query(db, "UPDATE user_grants SET ended = ? WHERE tenant = ? AND id = ? AND ended IS NULL")
      .number(to_micros(now))
      .blob(tenant.bytes())
      .blob(id.bytes())
      .run();
}

struct Refresh {
  TenantId tenant;
  GrantId id;
  Sha256 old, fresh;
  Timestamp now, expires;
};

// nullopt: the token is not the one that counts; the grant is ended then, and that is kept.
Result<std::optional<UserGrant>> refresh_now(Db& db, const Refresh& r) {
  RB_TRY_ASSIGN(UserGrant grant, grant_by_id(db, r.tenant, r.id));
  if (grant.token != r.old || grant.ended || r.now >= grant.expires) {
    RB_TRY(end_grant_now(db, r.tenant, r.id, r.now));
    return std::optional<UserGrant>();
  }
  RB_TRY(Query(db, "UPDATE user_grants SET token = ?, expires = ? WHERE tenant = ? AND id = ?")
             .blob(as_bytes(r.fresh))
             .number(to_micros(r.expires))
             .blob(r.tenant.bytes())
             .blob(r.id.bytes())
             .run());
  return std::optional(std::move(grant));
}

}  // namespace

void SqliteUsers::add_grant(UserGrant grant, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [g = std::move(grant)](Db& db) {
        return Query(db,
                     "INSERT INTO user_grants(tenant, id, user, app, scopes, audience, token,"
                     " created, expires) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .blob(g.tenant.bytes())
            .blob(g.id.bytes())
            .blob(g.user.bytes())
            .blob(g.app.bytes())
            .blob(encode_list(g.scopes))
            .text(g.audience)
            .blob(as_bytes(g.token))
            .number(to_micros(g.created))
            .number(to_micros(g.expires))
            .run();
      },
      std::move(done));
}

void SqliteUsers::grant(TenantId tenant, GrantId id, Done<UserGrant> done) {
  done(readers_.read<UserGrant>([&](Db& db) { return grant_by_id(db, tenant, id); }));
}

void SqliteUsers::refresh_grant(TenantId tenant, GrantId id, Sha256 old, Sha256 fresh,
                                Timestamp now, Timestamp expires, Done<UserGrant> done) {
  writer_.submit<std::optional<UserGrant>>(
      Space::keeps,
      [r = Refresh{tenant, id, old, fresh, now, expires}](Db& db) { return refresh_now(db, r); },
      [done = std::move(done)](Result<std::optional<UserGrant>> grant) {
        if (!grant) {
          done(grant.error());
        } else if (!*grant) {
          done(Error{Errc::conflict, "the refresh token does not count any more"});
        } else {
          done(std::move(**grant));
        }
      });
}

void SqliteUsers::end_grant(TenantId tenant, GrantId id, Timestamp now, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, now](Db& db) -> Result<void> {
        RB_TRY(grant_by_id(db, tenant, id));
        return end_grant_now(db, tenant, id, now);
      },
      std::move(done));
}

void SqliteUsers::ended_grants(Timestamp since, Done<std::vector<UserGrant>> done) {
  done(readers_.read<std::vector<UserGrant>>([&](Db& db) -> Result<std::vector<UserGrant>> {
    Query query(db, kEndedGrants);
    query.number(to_micros(since));
    std::vector<UserGrant> all;
    while (true) {
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return all;
      }
      RB_TRY_ASSIGN(UserGrant grant, read_grant(query));
      all.push_back(std::move(grant));
    }
  }));
}

void SqliteUsers::forget_grants(Timestamp before, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [before](Db& db) {
        return Query(db, "DELETE FROM user_grants WHERE expires < ?1 OR ended < ?1")
            .number(to_micros(before))
            .run();
      },
      std::move(done));
}

}  // namespace reachback::server
