// One SQLite connection with its prepared statements, and the mapping of its result codes.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "server/ports/listing.h"

namespace reachback::server {

// A single value longer than this is refused (too_large) before it reaches a page.
inline constexpr int kValueBytesMax = 16 << 20;

// One thread at a time.
class Db {
 public:
  enum class Mode { create, read_write, read_only };

  // Errors: not_found (no such file and not `create`), unavailable, corrupt.
  static Result<std::unique_ptr<Db>> open(const std::string& path, Mode mode,
                                          const std::string& vfs);
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  // Statements without parameters, several with ';' between.
  Result<void> exec(const char* sql);
  // First column of the first row; 0 without a row.
  Result<std::int64_t> number(const char* sql);
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  int changed_rows() const { return sqlite3_changes(db_); }

  // Error of the last call. Codes: storage_full, unavailable (busy, I/O), corrupt, too_large,
  // internal.
  Error error(int rc, std::string_view what);
  // An I/O error was seen: what is on disk is not known any more (F14).
  bool io_failed() const { return io_failed_; }
  // Leaves the write-ahead log as it is when this connection closes.
  void no_checkpoint_on_close();

  // Prepares on first use. `sql` must be a literal: it is remembered by its address.
  Result<sqlite3_stmt*> statement(const char* sql);
  // The same for a text that was put together. The kTextsMax used last are kept, so no more than
  // that many may be in use at a time.
  static constexpr std::size_t kTextsMax = 64;
  Result<sqlite3_stmt*> statement(const std::string& sql);
  sqlite3* handle() { return db_; }

  // For the functions of list_functions.h, while there is a ListWork.
  void charge(std::uint64_t steps) { work_done_ += steps; }
  const MachineContext* machine_context() const { return machine_context_; }

 private:
  friend class ListWork;
  explicit Db(sqlite3* db) : db_(db) {}

  struct Prepared {
    std::string sql;
    sqlite3_stmt* statement;
  };
  sqlite3* db_;
  bool io_failed_ = false;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  std::list<Prepared> texts_;  // the one used last in front
  std::unordered_map<std::string_view, std::list<Prepared>::iterator> by_text_;
  std::uint64_t work_done_ = 0, work_max_ = 0;
  const MachineContext* machine_context_ = nullptr;
};

// Bounds what the statements of a connection may cost together, in SQLite's instructions and what
// the functions of lists charge. Whatever would go beyond it ends with an error.
class ListWork {
 public:
  // context: may be null; borrowed.
  ListWork(Db& db, std::uint64_t work_max, const MachineContext* context);
  ~ListWork();
  ListWork(const ListWork&) = delete;
  ListWork& operator=(const ListWork&) = delete;
  bool exceeded() const { return db_.work_done_ > db_.work_max_; }

 private:
  Db& db_;
};

// One use of a prepared statement: bind in order, then run() or row() until it is false. A failed
// bind or prepare shows at run() / row(). The same statement is not used twice at a time.
class Query {
 public:
  Query(Db& db, const char* sql) : Query(db, db.statement(sql)) {}
  Query(Db& db, const std::string& sql) : Query(db, db.statement(sql)) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& blob(std::string_view bytes);
  Query& text(std::string_view text);
  Query& number(std::int64_t value);
  Query& null();
  Query& optional_blob(const std::optional<std::string_view>& bytes) {
    return bytes ? blob(*bytes) : null();
  }
  Query& optional_text(const std::optional<std::string>& value) {
    return value ? text(*value) : null();
  }
  Query& optional_number(const std::optional<std::int64_t>& value) {
    return value ? number(*value) : null();
  }

  Result<bool> row();  // true: a row stands at the columns
  Result<void> run();  // to the end, rows are skipped

  // Columns of the row, from 0. Views last until the next row().
  std::string_view bytes_at(int column);
  std::int64_t number_at(int column) { return sqlite3_column_int64(statement_, column); }
  bool null_at(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  Query(Db& db, const Result<sqlite3_stmt*>& statement);

  Db& db_;
  sqlite3_stmt* statement_ = nullptr;
  std::optional<Error> failed_;
  int next_ = 1;
};

}  // namespace reachback::server
