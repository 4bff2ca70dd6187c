// Users: people who sign in with a password and a one-time code, what they may do, and on which
// machines. Threads and durability as in action_store.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "server/ports/audit_entry.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// What a user may be; one may be several. Numbers are stored. Source: mde-spec.md §11.
enum class UserRole : std::uint32_t {
  viewer = 1u << 0,                  // reads machines, actions and alerts
  live_response_basic = 1u << 1,     // a viewer who may fetch files, read results, cancel
  live_response_advanced = 1u << 2,  // also runs scripts and places files
  library = 1u << 3,                 // manages the library
  approver = 1u << 4,                // a viewer who may approve what others ask for
  admin = 1u << 5                    // everything
};
using UserRoles = std::uint32_t;
constexpr UserRoles bit(UserRole r) {
  return static_cast<UserRoles>(r);
}

// "viewer", "live-response-basic", ...: as the administrator's commands spell them, in the order
// of the enumeration.
std::vector<std::string> user_role_names();
// 0: no such role.
UserRoles user_role_of(std::string_view name);
std::vector<std::string> names_of(UserRoles roles);
// What the roles allow, whatever an application asked for.
Permissions permissions_of(UserRoles roles);

// Machines by a tag that they carry. A machine belongs to the first group, by id, whose tag it has;
// a user who may see a group sees every machine with its tag.
struct DeviceGroup {
  TenantId tenant;
  std::int32_t id = 0;  // 1, 2, ...; never used again. MDE's rbacGroupId
  std::string name;     // rbacGroupName
  std::string tag;
  Timestamp created{};
  friend bool operator==(const DeviceGroup&, const DeviceGroup&) = default;
};

struct User {
  TenantId tenant;
  UserId id;
  std::string name;      // user principal name, as it is shown; found without regard to case
  std::string password;  // its hash, as PasswordHasher wrote it
  std::string totp_key;  // empty: signs in by password alone
  UserRoles roles = 0;
  std::vector<std::int32_t> groups;  // of devices; empty: every machine
  bool disabled = false;
  // What was issued to the user before does not count any more.
  Timestamp valid_from{};
  Timestamp created{};
  friend bool operator==(const User&, const User&) = default;
};

// What is absent stays as it is.
struct UserChange {
  std::optional<std::string> password, totp_key;
  std::optional<UserRoles> roles;
  std::optional<std::vector<std::int32_t>> groups;
  std::optional<bool> disabled;
  // Set: what was issued before this moment does not count any more, and every grant ends.
  std::optional<Timestamp> valid_from;
};

// What a user let one application do.
struct UserGrant {
  TenantId tenant;
  GrantId id;
  UserId user;
  AppId app;
  std::vector<std::string> scopes;
  std::string audience;
  Sha256 token{};  // of the refresh token that counts; all zeros: none was given
  Timestamp created{};
  Timestamp expires{};               // unless it is refreshed
  std::optional<Timestamp> ended{};  // revoked: nothing that came from it counts
  friend bool operator==(const UserGrant&, const UserGrant&) = default;
};

class UserStore {
 public:
  virtual ~UserStore() = default;
  // Errors: already_exists (id, or a name that differs in case only), invalid_input (a device group
  // that is not there).
  virtual void add_user(User user, ChangedBy by, Done<void> done) = 0;
  void add_user(User user, Done<void> done) { add_user(std::move(user), {}, std::move(done)); }
  virtual void user(TenantId tenant, UserId id, Done<User> done) = 0;  // Errors: not_found.
  // Without regard to the case of ASCII letters. Errors: not_found.
  virtual void user_by_name(TenantId tenant, std::string name, Done<User> done) = 0;
  virtual void users(TenantId tenant, Done<std::vector<User>> done) = 0;  // by name
  // Gives the user as it is then. Errors: not_found, invalid_input (a device group that is not
  // there).
  virtual void change_user(TenantId tenant, UserId id, UserChange change, ChangedBy by,
                           Done<User> done) = 0;
  void change_user(TenantId tenant, UserId id, UserChange change, Done<User> done) {
    change_user(tenant, id, std::move(change), {}, std::move(done));
  }
  // Its grants end. Errors: not_found.
  virtual void remove_user(TenantId tenant, UserId id, ChangedBy by, Done<void> done) = 0;
  void remove_user(TenantId tenant, UserId id, Done<void> done) {
    remove_user(tenant, id, {}, std::move(done));
  }
  // Uses up a time step of the user's one-time codes, and all before it. Errors: conflict (this
  // step, or a later one, was used), not_found.
  virtual void use_code(TenantId tenant, UserId id, std::uint64_t step, Done<void> done) = 0;

  // Gives it with its id. Errors: already_exists (the name).
  virtual void add_group(DeviceGroup group, ChangedBy by, Done<DeviceGroup> done) = 0;
  void add_group(DeviceGroup group, Done<DeviceGroup> done) {
    add_group(std::move(group), {}, std::move(done));
  }
  virtual void groups(TenantId tenant, Done<std::vector<DeviceGroup>> done) = 0;  // by id
  // Errors: not_found, conflict (names a user who is assigned to it: taking it from somebody who
  // has no other would open every machine).
  virtual void remove_group(TenantId tenant, std::int32_t id, ChangedBy by, Done<void> done) = 0;
  void remove_group(TenantId tenant, std::int32_t id, Done<void> done) {
    remove_group(tenant, id, {}, std::move(done));
  }

  virtual void add_grant(UserGrant grant, Done<void> done) = 0;
  virtual void grant(TenantId tenant, GrantId id, Done<UserGrant> done) = 0;  // Errors: not_found.
  // The refresh token `old` becomes `fresh`, in one transaction. Any other token than the one that
  // counts ends the grant: it was used before, by whoever. Gives the grant as it was. Errors:
  // not_found, conflict (`old` is not the one that counts, or the grant had ended or expired).
  virtual void refresh_grant(TenantId tenant, GrantId id, Sha256 old, Sha256 fresh, Timestamp now,
                             Timestamp expires, Done<UserGrant> done) = 0;
  // Once is enough; again changes nothing. Errors: not_found.
  virtual void end_grant(TenantId tenant, GrantId id, Timestamp now, Done<void> done) = 0;
  // Those that ended at or after a moment: what came from them may still be around.
  virtual void ended_grants(Timestamp since, Done<std::vector<UserGrant>> done) = 0;
  // Forgets grants that expired or ended before a moment.
  virtual void forget_grants(Timestamp before, Done<void> done) = 0;
};

}  // namespace reachback::server
