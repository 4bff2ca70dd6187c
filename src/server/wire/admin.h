// The administrator's commands, as one request and one answer in JSON. The same handler serves a
// running server's local socket and a command that opened the database itself, so both do the same.
#pragma once

#include <functional>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "server/ports/directory.h"
#include "server/ports/links.h"
#include "server/ports/passwords.h"
#include "server/ports/tokens.h"
#include "server/ports/users.h"
#include "server/service/user_rights.h"
#include "server/signer/order_keyring.h"
#include "server/wire/token_keyring.h"

namespace reachback::server {

struct AdminDeps {
  AppStore& apps;
  Clock& clock;
  Random& random;
  std::string revocations;               // file of remember_revocation(); empty: none is kept
  TokenVerifier* verifier = nullptr;     // of a running server
  SystemClock* movable_clock = nullptr;  // of a running server; test builds only move it
  MachineStore* machines = nullptr;
  UserStore* users = nullptr;
  Passwords* passwords = nullptr;
  UserRights* user_rights = nullptr;      // of a running server
  DeviceGroups* device_groups = nullptr;  // of a running server
  OrderKeyring* keyring = nullptr;        // null: another process holds the order keys
  TokenKeyring* token_keys = nullptr;
  AuditLog* audit = nullptr;  // of a running server, and of token_key_ commands
  std::function<void()> on_order_keys_changed = [] {};
  std::function<void()> on_token_keys_changed = [] {};
  // The application's App::rate_factor is that now.
  std::function<void(const TenantId&, const AppId&, std::uint32_t)> on_app_limits =
      [](const TenantId&, const AppId&, std::uint32_t) {};
  std::function<void(const MachineId&)> on_machine_cleared = [](const MachineId&) {};
};

// request: {"command":"app_create", ...}. The answer is {"ok":{...}} or {"error":"one line that
// says what to do"}. Blocks on the store. Commands: those of admin_apps.h, admin_users.h and
// admin_token_keys.h, enrollment_token_create {ttlSeconds, uses, tags}, machine_clear {machine |
// all}, signing_key_list {}, signing_key_add {}, signing_key_retire {id, force}, clock_advance
// {seconds}, clock_set {seconds} (ahead of the truth; behind when negative).
std::string administer(const AdminDeps& deps, std::string_view request);

}  // namespace reachback::server
