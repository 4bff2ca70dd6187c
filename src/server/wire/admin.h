// The administrator's commands, as one request and one answer in JSON. The same handler serves a
// running server's local socket and a command that opened the database itself, so both do the same.
#pragma once

#include <functional>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "server/ports/directory.h"
#include "server/ports/tokens.h"

namespace reachback::server {

struct AdminDeps {
  AppStore& apps;
  Clock& clock;
  Random& random;
  std::string revocations;               // file of remember_revocation(); empty: none is kept
  TokenVerifier* verifier = nullptr;     // of a running server
  SystemClock* movable_clock = nullptr;  // of a running server; test builds only move it
};

// request: {"command":"app_create", ...}. The answer is {"ok":{...}} or {"error":"one line that
// says what to do"}. Blocks on the store. Commands: app_create {name, roles}, app_list {},
// app_rotate {clientId}, app_delete {clientId}, enrollment_token_create {ttlSeconds, uses, tags},
// clock_advance {seconds}, clock_set {seconds} (forward; back when negative).
std::string administer(const AdminDeps& deps, std::string_view request);

}  // namespace reachback::server
