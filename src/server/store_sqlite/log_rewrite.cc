#include "server/store_sqlite/log_rewrite.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace reachback::server {
namespace {

constexpr sqlite3_int64 kChunkBytes =
    64 << 10;  // SQLite's Unix layer writes less than 128 KiB at once

struct CloseFile {
  void operator()(sqlite3_file* file) const {
    if (file->pMethods != nullptr) {
      file->pMethods->xClose(file);
    }
    sqlite3_free(file);
  }
};
using File = std::unique_ptr<sqlite3_file, CloseFile>;

struct FreeName {
  void operator()(const char* name) const { sqlite3_free_filename(const_cast<char*>(name)); }
};

Error failed(const std::string& log, const char* what, int rc) {
  const bool full = (rc & 0xff) == SQLITE_FULL;
  return Error{
      full ? Errc::storage_full : Errc::unavailable,
      log + ": " + what + ": " + sqlite3_errstr(rc) + " (SQLite " + std::to_string(rc) + ")"};
}

}  // namespace

Result<void> rewrite_log(const std::string& database, const std::string& vfs_name) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  const std::string log = database + "-wal";
  // The name in the form that a file layer takes.
  const std::unique_ptr<const char, FreeName> names(sqlite3_create_filename(
      database.c_str(), (database + "-journal").c_str(), log.c_str(), 0, nullptr));
  File file(static_cast<sqlite3_file*>(vfs != nullptr ? sqlite3_malloc(std::max(vfs->szOsFile, 1))
                                                      : nullptr));
  if (!names || !file) {
    return Error{Errc::unavailable, log + ": no file layer, or no memory"};
  }
  file->pMethods = nullptr;
  const char* name = sqlite3_filename_wal(names.get());
  // A log without its database is nobody's: opening the database tells that it is not there.
  for (const char* file_name : {names.get(), name}) {
    int there = 0;
    if (int rc = vfs->xAccess(vfs, file_name, SQLITE_ACCESS_EXISTS, &there); rc != SQLITE_OK) {
      return failed(log, "look", rc);
    }
    if (there == 0) {
      return {};
    }
  }
  if (int rc = vfs->xOpen(vfs, name, file.get(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, nullptr);
      rc != SQLITE_OK) {
    return failed(log, "open", rc);
  }
  const sqlite3_io_methods& io = *file->pMethods;
  sqlite3_int64 size = 0;
  if (int rc = io.xFileSize(file.get(), &size); rc != SQLITE_OK) {
    return failed(log, "size", rc);
  }
  std::vector<char> chunk(static_cast<std::size_t>(std::min(size, kChunkBytes)));
  for (sqlite3_int64 at = 0; at < size; at += kChunkBytes) {
    const int bytes = static_cast<int>(std::min(size - at, kChunkBytes));
    if (int rc = io.xRead(file.get(), chunk.data(), bytes, at); rc != SQLITE_OK) {
      return failed(log, "read", rc);
    }
    if (int rc = io.xWrite(file.get(), chunk.data(), bytes, at); rc != SQLITE_OK) {
      return failed(log, "write", rc);
    }
  }
  if (int rc = io.xSync(file.get(), SQLITE_SYNC_NORMAL); rc != SQLITE_OK) {
    return failed(log, "sync", rc);
  }
  return {};
}

}  // namespace reachback::server
