// Which applications lost their tokens and when, kept in DIR/revocations.json so that a restart
// does not bring the tokens back. An entry is dropped when every token that it could stop has
// expired.
#pragma once

#include <functional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::server {

// Adds the revocation, durably. Call before the application's row changes. Errors: io,
// storage_full.
Result<void> remember_revocation(const std::string& path, const AppId& app, Timestamp at);
// Calls `revoke` for each entry that still matters. A missing file is none. Errors: corrupt, io.
Result<void> replay_revocations(const std::string& path, Timestamp now,
                                const std::function<void(const AppId&, Timestamp)>& revoke);

}  // namespace reachback::server
