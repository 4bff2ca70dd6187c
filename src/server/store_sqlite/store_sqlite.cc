#include "server/store_sqlite/store_sqlite.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/log_rewrite.h"
#include "server/store_sqlite/schema.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

std::string folder_of(const std::string& path) {
  auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Durability is the promise of every `done`: FULL syncs the log in each commit. Checkpoints are
// made by the Writer alone. Source: trust.md §0.4.
Result<void> set_up_writer(Db& db, const SqliteStoreOptions& options) {
  RB_TRY(db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"));
#ifdef REACHBACK_TEST_HOOKS
  if (options.lose_writes_at_power_loss) {
    RB_TRY(db.exec("PRAGMA synchronous=OFF"));
    return {};
  }
#endif
  RB_TRY_ASSIGN(auto synchronous, db.number("PRAGMA synchronous"));
  if (synchronous != 2) {
    return Error{Errc::internal, "open database " + options.path + ": synchronous is not FULL"};
  }
  return {};
}

std::function<std::uint64_t()> free_bytes_of(const SqliteStoreOptions& options) {
  if (options.free_bytes || !options.vfs.empty()) {
    return options.free_bytes;
  }
  return [folder = folder_of(options.path)]() -> std::uint64_t {
    struct statvfs info{};
    if (::statvfs(folder.c_str(), &info) != 0) {
      return UINT64_MAX;  // SQLite itself will say what is wrong
    }
    return std::uint64_t{info.f_bavail} * info.f_frsize;
  };
}

}  // namespace

struct SqliteStore::Parts {
  Parts(std::unique_ptr<Db> writing, std::vector<std::unique_ptr<Db>> reading,
        WriterOptions options, std::size_t cached, const std::function<Timestamp()>& now)
      : readers(std::move(reading)),
        writer(std::move(writing), std::move(options)),
        actions(writer, readers, cached),
        machines(writer, readers),
        library(writer, readers, now),
        apps(writer, readers, now),
        users(writer, readers, now),
        webhooks(writer, readers),
        sessions(writer, readers),
        audit_rows(readers) {}
  Readers readers;
  Writer writer;
  SqliteActions actions;
  SqliteMachines machines;
  SqliteLibrary library;
  SqliteApps apps;
  SqliteUsers users;
  SqliteWebhooks webhooks;
  SqliteSessions sessions;
  SqliteAuditRows audit_rows;
};

Result<void> SqliteStore::create(const SqliteStoreOptions& options) {
  {
    RB_TRY_ASSIGN(auto db, Db::open(options.path, Db::Mode::create, options.vfs));
    RB_TRY(create_schema(*db, options.path));
  }
  // SQLite does not sync the folder of a new database file.
  return options.vfs.empty() ? sync_folder(folder_of(options.path)) : Result<void>();
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const SqliteStoreOptions& options) {
  RB_TRY(rewrite_log(options.path, options.vfs));
  RB_TRY_ASSIGN(auto writing, Db::open(options.path, Db::Mode::read_write, options.vfs));
  auto ready = migrate_schema(*writing, options.path);
  if (!ready) {
    writing->no_checkpoint_on_close();
    return ready.error();
  }
  RB_TRY(set_up_writer(*writing, options));
  std::vector<std::unique_ptr<Db>> reading;
  for (std::size_t i = 0; i < std::max<std::size_t>(options.readers, 1); ++i) {
    RB_TRY_ASSIGN(auto db, Db::open(options.path, Db::Mode::read_only, options.vfs));
    RB_TRY(db->exec("PRAGMA wal_autocheckpoint=0; PRAGMA query_only=1;"));
    db->no_checkpoint_on_close();
    reading.push_back(std::move(db));
  }
  WriterOptions writer;
  writer.group_max = std::max<std::size_t>(options.group_max, 1);
  writer.queue_max = options.queue_max;
  writer.checkpoint_frames = options.checkpoint_frames;
  writer.restart_frames = options.checkpoint_frames * 8;
  writer.reserve_bytes = options.reserve_bytes;
  writer.free_bytes = free_bytes_of(options);
  writer.on_broken = options.on_broken;
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::make_unique<Parts>(
      std::move(writing), std::move(reading), std::move(writer), options.cached_actions,
      options.now ? options.now : [] { return SystemClock().now(); })));
}

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SqliteStore::~SqliteStore() {
  (void)close();
}

ActionStore& SqliteStore::actions() {
  return parts_->actions;
}
MachineStore& SqliteStore::machines() {
  return parts_->machines;
}
LibraryStore& SqliteStore::library() {
  return parts_->library;
}
AppStore& SqliteStore::apps() {
  return parts_->apps;
}
UserStore& SqliteStore::users() {
  return parts_->users;
}

WebhookStore& SqliteStore::webhooks() {
  return parts_->webhooks;
}

InteractiveSessionStore& SqliteStore::sessions() {
  return parts_->sessions;
}

AuditChain& SqliteStore::audit_rows() {
  return parts_->audit_rows;
}

Result<AuditHead> SqliteStore::audit_head() {
  return parts_->readers.read<AuditHead>([](Db& db) { return server::audit_head(db); });
}

// The writer first: a `done` may still read. The log is checkpointed by the next start, or by the
// writer when it is the last connection, so the readers' connections go before its own.
Result<void> SqliteStore::close() {
  parts_->writer.drain();
  parts_->readers.close();
  return parts_->writer.close();
}

}  // namespace reachback::server
