// The tables, and how a database gets them.
#pragma once

#include <string>

#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

// PRAGMA application_id of our databases: "RbSt".
inline constexpr std::int64_t kApplicationId = 0x52625374;
// PRAGMA user_version: how many migrations have run. Only grows; an older program refuses a newer
// database.
inline constexpr std::int64_t kSchemaVersion = 10;

// Makes the tables in an empty or half-made database. Errors: already_exists (it is a whole one, or
// somebody else's). version: an earlier one, for tests of what leads from it to the newest.
Result<void> create_schema(Db& db, const std::string& path, std::int64_t version = kSchemaVersion);
// Brings a whole database to kSchemaVersion. Errors: corrupt (half-made, or not ours), mismatch
// (made by a newer program; nothing is changed).
Result<void> migrate_schema(Db& db, const std::string& path);

}  // namespace reachback::server
