#include "server/store_sqlite/sqlite.h"

#include <cerrno>

#include "server/store_sqlite/list_functions.h"

namespace reachback::server {
namespace {

constexpr int kBusyTimeoutMs = 5000;

Errc code_of(int rc, int system_errno) {
  switch (rc & 0xff) {
    case SQLITE_FULL:
      return Errc::storage_full;
    case SQLITE_IOERR:
      return system_errno == ENOSPC ? Errc::storage_full : Errc::unavailable;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_INTERRUPT:
    case SQLITE_PERM:
      return Errc::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_TOOBIG:
      return Errc::too_large;
    default:
      return Errc::internal;
  }
}

// Whether data that was handed to the disk may be lost. The shared-memory index holds no data, and
// a full disk is told before anything is lost; but a failed sync is never forgiven.
bool loses_data(int rc, int system_errno) {
  if ((rc & 0xff) != SQLITE_IOERR) {
    return false;
  }
  switch (rc) {
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMSIZE:
    case SQLITE_IOERR_SHMLOCK:
    case SQLITE_IOERR_SHMMAP:
    case SQLITE_IOERR_NOMEM:
      return false;
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return true;
    default:
      return system_errno != ENOSPC;
  }
}

}  // namespace

Result<std::unique_ptr<Db>> Db::open(const std::string& path, Mode mode, const std::string& vfs) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Mode::create:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
    case Mode::read_write:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::read_only:
      flags |= SQLITE_OPEN_READONLY;
      break;
  }
  sqlite3* raw = nullptr;
  int rc = sqlite3_open_v2(path.c_str(), &raw, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (raw == nullptr) {
    return Error{Errc::unavailable, "open database " + path + ": out of memory"};
  }
  std::unique_ptr<Db> db(new Db(raw));
  if (rc != SQLITE_OK) {
    Error error = db->error(rc, "open database " + path);
    if ((rc & 0xff) == SQLITE_CANTOPEN && sqlite3_system_errno(raw) == ENOENT) {
      error.code = Errc::not_found;
    }
    return error;
  }
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Undo information of savepoints stays in memory: no temporary files.
  RB_TRY(db->exec("PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;"));
  RB_TRY(add_list_functions(*db));
  return db;
}

Db::~Db() {
  for (auto& [sql, statement] : statements_) {
    sqlite3_finalize(statement);
  }
  for (Prepared& prepared : texts_) {
    sqlite3_finalize(prepared.statement);
  }
  sqlite3_close_v2(db_);
}

void Db::no_checkpoint_on_close() {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Result<void> Db::exec(const char* sql) {
  int rc = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) {
    return error(rc, "database");
  }
  return {};
}

Result<std::int64_t> Db::number(const char* sql) {
  Query query(*this, sql);
  RB_TRY_ASSIGN(bool found, query.row());
  return found ? query.number_at(0) : 0;
}

Error Db::error(int rc, std::string_view what) {
  int system_errno = sqlite3_system_errno(db_);
  if (loses_data(rc, system_errno)) {
    io_failed_ = true;
  }
  return Error{code_of(rc, system_errno), std::string(what) + ": " + sqlite3_errmsg(db_) +
                                              " (SQLite " + std::to_string(rc) + ")"};
}

Result<sqlite3_stmt*> Db::statement(const char* sql) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) {
    return found->second;
  }
  sqlite3_stmt* made = nullptr;
  int rc = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  if (rc != SQLITE_OK) {
    return error(rc, "database");
  }
  statements_.emplace(sql, made);
  return made;
}

Result<sqlite3_stmt*> Db::statement(const std::string& sql) {
  auto known = by_text_.find(sql);
  if (known != by_text_.end()) {
    texts_.splice(texts_.begin(), texts_, known->second);
    return texts_.front().statement;
  }
  sqlite3_stmt* made = nullptr;
  int rc = sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  if (rc != SQLITE_OK) {
    return error(rc, "database");
  }
  if (texts_.size() == kTextsMax) {
    by_text_.erase(texts_.back().sql);
    sqlite3_finalize(texts_.back().statement);
    texts_.pop_back();
  }
  texts_.push_front(Prepared{sql, made});
  by_text_.emplace(texts_.front().sql, texts_.begin());
  return made;
}

ListWork::ListWork(Db& db, std::uint64_t work_max, const MachineContext* context) : db_(db) {
  constexpr int kStepsBetweenLooks = 100;
  db_.work_done_ = 0;
  db_.work_max_ = work_max;
  db_.machine_context_ = context;
  sqlite3_progress_handler(
      db_.db_, kStepsBetweenLooks,
      [](void* of) {
        Db& looked_at = *static_cast<Db*>(of);
        looked_at.work_done_ += kStepsBetweenLooks;
        return looked_at.work_done_ > looked_at.work_max_ ? 1 : 0;
      },
      &db_);
}

ListWork::~ListWork() {
  sqlite3_progress_handler(db_.db_, 0, nullptr, nullptr);
  db_.machine_context_ = nullptr;
}

Query::Query(Db& db, const Result<sqlite3_stmt*>& statement) : db_(db) {
  if (statement) {
    statement_ = *statement;
  } else {
    failed_ = statement.error();
  }
}

Query::~Query() {
  if (statement_ != nullptr) {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
}

// The values are copied, so that a caller may bind temporaries.
Query& Query::blob(std::string_view bytes) {
  if (!failed_) {
    // A null pointer would bind NULL.
    int rc = sqlite3_bind_blob64(statement_, next_++, bytes.empty() ? "" : bytes.data(),
                                 bytes.size(), SQLITE_TRANSIENT);
    if (rc != SQLITE_OK) {
      failed_ = db_.error(rc, "database");
    }
  }
  return *this;
}

Query& Query::text(std::string_view text) {
  if (!failed_) {
    int rc = sqlite3_bind_text64(statement_, next_++, text.empty() ? "" : text.data(), text.size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8);
    if (rc != SQLITE_OK) {
      failed_ = db_.error(rc, "database");
    }
  }
  return *this;
}

Query& Query::number(std::int64_t value) {
  if (!failed_) {
    int rc = sqlite3_bind_int64(statement_, next_++, value);
    if (rc != SQLITE_OK) {
      failed_ = db_.error(rc, "database");
    }
  }
  return *this;
}

Query& Query::null() {
  ++next_;  // unbound is NULL
  return *this;
}

Result<bool> Query::row() {
  if (failed_) {
    return *failed_;
  }
  int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) {
    return true;
  }
  if (rc == SQLITE_DONE) {
    return false;
  }
  failed_ = db_.error(rc, "database");
  return *failed_;
}

Result<void> Query::run() {
  while (true) {
    RB_TRY_ASSIGN(bool more, row());
    if (!more) {
      return {};
    }
  }
}

std::string_view Query::bytes_at(int column) {
  const void* data = sqlite3_column_blob(statement_, column);
  int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace reachback::server
