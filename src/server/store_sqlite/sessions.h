// The line of an interactive session that an action is. Inside a transaction of the writer.
#pragma once

#include "server/action/action.h"
#include "server/ports/interactive_sessions.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

// Errors: not_found (the session), conflict (it has ended).
Result<void> write_session_line(Db& db, const action::Action& a, const SessionLine& line);

}  // namespace reachback::server
