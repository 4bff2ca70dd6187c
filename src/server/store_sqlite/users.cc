#include "base/bytes.h"
#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/admin_audit.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

constexpr const char* kUserById =
    "SELECT tenant, id, name, password, totp_key, roles, disabled, valid_from, created FROM users"
    " WHERE tenant = ? AND id = ?";
constexpr const char* kUserByName =
    "SELECT tenant, id, name, password, totp_key, roles, disabled, valid_from, created FROM users"
    " WHERE tenant = ? AND folded = ?";
constexpr const char* kUsersOfTenant =
    "SELECT tenant, id, name, password, totp_key, roles, disabled, valid_from, created FROM users"
    " WHERE tenant = ? ORDER BY folded";

Error no_such_user(const std::string& name) {
  return Error{Errc::not_found, "no user " + name};
}

Result<void> read_groups(Db& db, User& user) {
  Query query(db,
              "SELECT device_group FROM user_groups WHERE tenant = ? AND user = ?"
              " ORDER BY device_group");
  query.blob(user.tenant.bytes()).blob(user.id.bytes());
  while (true) {
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return {};
    }
    user.groups.push_back(static_cast<std::int32_t>(query.number_at(0)));
  }
}

// Without its groups.
Result<User> read_user(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  auto id = UserId::from_bytes(row.bytes_at(1));
  if (!tenant || !id) {
    return Error{Errc::corrupt, "stored user: damaged row"};
  }
  User u;
  u.tenant = *tenant;
  u.id = *id;
  u.name = row.bytes_at(2);
  u.password = row.bytes_at(3);
  u.totp_key = row.bytes_at(4);
  u.roles = static_cast<UserRoles>(row.number_at(5));
  u.disabled = row.number_at(6) != 0;
  u.valid_from = from_micros(row.number_at(7));
  u.created = from_micros(row.number_at(8));
  return u;
}

Result<User> one_user(Db& db, Query& query, const std::string& name) {
  RB_TRY_ASSIGN(bool found, query.row());
  if (!found) {
    return no_such_user(name);
  }
  RB_TRY_ASSIGN(User user, read_user(query));
  RB_TRY(read_groups(db, user));
  return user;
}

Result<User> user_by_id(Db& db, const TenantId& tenant, const UserId& id) {
  Query query(db, kUserById);
  query.blob(tenant.bytes()).blob(id.bytes());
  return one_user(db, query, id.text());
}

// All of the user's groups, each of which must be there.
Result<void> write_groups(Db& db, const User& user) {
  RB_TRY(Query(db, "DELETE FROM user_groups WHERE tenant = ? AND user = ?")
             .blob(user.tenant.bytes())
             .blob(user.id.bytes())
             .run());
  for (std::int32_t group : user.groups) {
    {
      Query query(db, "SELECT 1 FROM device_groups WHERE tenant = ? AND key = ?");
      query.blob(user.tenant.bytes()).number(group);
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return Error{Errc::invalid_input, "no device group " + std::to_string(group)};
      }
    }
    RB_TRY(Query(db,
                 "INSERT INTO user_groups(tenant, user, device_group) VALUES(?, ?, ?)"
                 " ON CONFLICT DO NOTHING")
               .blob(user.tenant.bytes())
               .blob(user.id.bytes())
               .number(group)
               .run());
  }
  return {};
}

Result<void> insert_user(Db& db, const User& u) {
  {
    Query query(db, "SELECT 1 FROM users WHERE tenant = ? AND (id = ? OR folded = ?)");
    query.blob(u.tenant.bytes()).blob(u.id.bytes()).text(to_lower(u.name));
    RB_TRY_ASSIGN(bool taken, query.row());
    if (taken) {
      return Error{Errc::already_exists, "there is a user " + u.id.text() + " or '" + u.name + "'"};
    }
  }
  RB_TRY(Query(db,
               "INSERT INTO users(tenant, id, name, folded, password, totp_key, totp_step, roles,"
               " disabled, valid_from, created) VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)")
             .blob(u.tenant.bytes())
             .blob(u.id.bytes())
             .text(u.name)
             .text(to_lower(u.name))
             .text(u.password)
             .blob(u.totp_key)
             .number(u.roles)
             .number(u.disabled ? 1 : 0)
             .number(to_micros(u.valid_from))
             .number(to_micros(u.created))
             .run());
  return write_groups(db, u);
}

// What of a user is told to the audit: no secret.
std::string shown(const User& u) {
  std::string out = u.name + ": " + joined(names_of(u.roles));
  for (std::int32_t group : u.groups) {
    out += " group:" + std::to_string(group);
  }
  return out + (u.totp_key.empty() ? " without one-time codes" : "") +
         (u.disabled ? " disabled" : "");
}

Result<void> end_grants_of(Db& db, const TenantId& tenant, const UserId& id, Timestamp now) {
  return Query(db,
               "UPDATE user_grants SET ended = ? WHERE tenant = ? AND user = ? AND ended IS NULL")
      .number(to_micros(now))
      .blob(tenant.bytes())
      .blob(id.bytes())
      .run();
}

Result<User> change_user_now(Db& db, const TenantId& tenant, const UserId& id,
                             const UserChange& change, const ChangedBy& by, Timestamp now) {
  RB_TRY_ASSIGN(User u, user_by_id(db, tenant, id));
  std::string what;
  auto take = [&what](auto& member, const auto& wanted, const char* name) {
    if (wanted) {
      member = *wanted;
      what += std::string(what.empty() ? "" : " ") + name;
    }
  };
  take(u.password, change.password, "password");
  take(u.totp_key, change.totp_key, "one-time codes");
  take(u.roles, change.roles, "roles");
  take(u.groups, change.groups, "groups");
  take(u.disabled, change.disabled, "disabled");
  take(u.valid_from, change.valid_from, "tokens ended");
  RB_TRY(Query(db,
               "UPDATE users SET password = ?, totp_key = ?, roles = ?, disabled = ?,"
               " valid_from = ? WHERE tenant = ? AND id = ?")
             .text(u.password)
             .blob(u.totp_key)
             .number(u.roles)
             .number(u.disabled ? 1 : 0)
             .number(to_micros(u.valid_from))
             .blob(tenant.bytes())
             .blob(id.bytes())
             .run());
  if (change.totp_key) {
    RB_TRY(Query(db, "UPDATE users SET totp_step = 0 WHERE tenant = ? AND id = ?")
               .blob(tenant.bytes())
               .blob(id.bytes())
               .run());
  }
  if (change.groups) {
    RB_TRY(write_groups(db, u));
  }
  if (change.valid_from) {
    RB_TRY(end_grants_of(db, tenant, id, *change.valid_from));
  }
  RB_TRY(write_admin_audit(db, tenant, now, by, "user_changed", id.text(), what + "; " + shown(u)));
  return user_by_id(db, tenant, id);
}

Result<void> remove_user_now(Db& db, const TenantId& tenant, const UserId& id, const ChangedBy& by,
                             Timestamp now) {
  RB_TRY_ASSIGN(User u, user_by_id(db, tenant, id));
  RB_TRY(end_grants_of(db, tenant, id, now));
  for (const char* sql : {"DELETE FROM user_groups WHERE tenant = ? AND user = ?",
                          "DELETE FROM users WHERE tenant = ? AND id = ?"}) {
    RB_TRY(Query(db, sql).blob(tenant.bytes()).blob(id.bytes()).run());
  }
  return write_admin_audit(db, tenant, now, by, "user_deleted", id.text(), u.name);
}

Result<DeviceGroup> read_group(Query& row) {
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  if (!tenant) {
    return Error{Errc::corrupt, "stored device group: damaged row"};
  }
  return DeviceGroup{*tenant, static_cast<std::int32_t>(row.number_at(1)),
                     std::string(row.bytes_at(2)), std::string(row.bytes_at(3)),
                     from_micros(row.number_at(4))};
}

Result<DeviceGroup> insert_group(Db& db, DeviceGroup g, const ChangedBy& by) {
  {
    Query query(db, "SELECT 1 FROM device_groups WHERE tenant = ? AND name = ?");
    query.blob(g.tenant.bytes()).text(g.name);
    RB_TRY_ASSIGN(bool taken, query.row());
    if (taken) {
      return Error{Errc::already_exists, "there is a device group '" + g.name + "'"};
    }
  }
  RB_TRY(Query(db, "INSERT INTO device_groups(tenant, name, tag, created) VALUES(?, ?, ?, ?)")
             .blob(g.tenant.bytes())
             .text(g.name)
             .text(g.tag)
             .number(to_micros(g.created))
             .run());
  RB_TRY_ASSIGN(auto id, db.number("SELECT last_insert_rowid()"));
  g.id = static_cast<std::int32_t>(id);
  RB_TRY(write_admin_audit(db, g.tenant, g.created, by, "device_group_created", g.name,
                           "tag " + g.tag));
  return g;
}

Result<void> remove_group_now(Db& db, const TenantId& tenant, std::int32_t id, const ChangedBy& by,
                              Timestamp now) {
  {
    Query query(db,
                "SELECT u.name FROM user_groups g JOIN users u ON u.tenant = g.tenant AND"
                " u.id = g.user WHERE g.tenant = ? AND g.device_group = ? LIMIT 1");
    query.blob(tenant.bytes()).number(id);
    RB_TRY_ASSIGN(bool used, query.row());
    if (used) {
      return Error{Errc::conflict,
                   "user '" + std::string(query.bytes_at(0)) + "' is assigned to the group"};
    }
  }
  RB_TRY(Query(db, "DELETE FROM device_groups WHERE tenant = ? AND key = ?")
             .blob(tenant.bytes())
             .number(id)
             .run());
  return db.changed_rows() == 1 ? write_admin_audit(db, tenant, now, by, "device_group_deleted",
                                                    std::to_string(id), "")
                                : Error{Errc::not_found, "no device group " + std::to_string(id)};
}

}  // namespace

void SqliteUsers::add_user(User user, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::takes,
      [user = std::move(user), by = std::move(by)](Db& db) -> Result<void> {
        RB_TRY(insert_user(db, user));
        return write_admin_audit(db, user.tenant, user.created, by, "user_created", user.id.text(),
                                 shown(user));
      },
      std::move(done));
}

void SqliteUsers::user(TenantId tenant, UserId id, Done<User> done) {
  done(readers_.read<User>([&](Db& db) { return user_by_id(db, tenant, id); }));
}

void SqliteUsers::user_by_name(TenantId tenant, std::string name, Done<User> done) {
  done(readers_.read<User>([&](Db& db) {
    Query query(db, kUserByName);
    query.blob(tenant.bytes()).text(to_lower(name));
    return one_user(db, query, "'" + name + "'");
  }));
}

void SqliteUsers::users(TenantId tenant, Done<std::vector<User>> done) {
  done(readers_.read<std::vector<User>>([&](Db& db) -> Result<std::vector<User>> {
    Query query(db, kUsersOfTenant);
    query.blob(tenant.bytes());
    std::vector<User> all;
    while (true) {
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return all;
      }
      RB_TRY_ASSIGN(User user, read_user(query));
      RB_TRY(read_groups(db, user));
      all.push_back(std::move(user));
    }
  }));
}

void SqliteUsers::change_user(TenantId tenant, UserId id, UserChange change, ChangedBy by,
                              Done<User> done) {
  writer_.submit<User>(
      Space::takes,
      [tenant, id, change = std::move(change), by = std::move(by), now = now_()](Db& db) {
        return change_user_now(db, tenant, id, change, by, now);
      },
      std::move(done));
}

void SqliteUsers::remove_user(TenantId tenant, UserId id, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, by = std::move(by), now = now_()](Db& db) {
        return remove_user_now(db, tenant, id, by, now);
      },
      std::move(done));
}

void SqliteUsers::use_code(TenantId tenant, UserId id, std::uint64_t step, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, step](Db& db) -> Result<void> {
        RB_TRY(Query(db,
                     "UPDATE users SET totp_step = ?1 WHERE tenant = ?2 AND id = ?3"
                     " AND totp_step < ?1")
                   .number(static_cast<std::int64_t>(step))
                   .blob(tenant.bytes())
                   .blob(id.bytes())
                   .run());
        if (db.changed_rows() == 1) {
          return {};
        }
        RB_TRY(user_by_id(db, tenant, id));
        return Error{Errc::conflict, "this one-time code, or a later one, was used"};
      },
      std::move(done));
}

void SqliteUsers::add_group(DeviceGroup group, ChangedBy by, Done<DeviceGroup> done) {
  writer_.submit<DeviceGroup>(
      Space::takes,
      [group = std::move(group), by = std::move(by)](Db& db) {
        return insert_group(db, group, by);
      },
      std::move(done));
}

void SqliteUsers::groups(TenantId tenant, Done<std::vector<DeviceGroup>> done) {
  done(readers_.read<std::vector<DeviceGroup>>([&](Db& db) -> Result<std::vector<DeviceGroup>> {
    Query query(db,
                "SELECT tenant, key, name, tag, created FROM device_groups WHERE tenant = ?"
                " ORDER BY key");
    query.blob(tenant.bytes());
    std::vector<DeviceGroup> all;
    while (true) {
      RB_TRY_ASSIGN(bool found, query.row());
      if (!found) {
        return all;
      }
      RB_TRY_ASSIGN(DeviceGroup group, read_group(query));
      all.push_back(std::move(group));
    }
  }));
}

void SqliteUsers::remove_group(TenantId tenant, std::int32_t id, ChangedBy by, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, id, by = std::move(by), now = now_()](Db& db) {
        return remove_group_now(db, tenant, id, by, now);
      },
      std::move(done));
}

}  // namespace reachback::server
