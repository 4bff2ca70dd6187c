// The stores of the server in one SQLite database: actions, machines, library files, applications.
// Threads and durability as in ports/action_store.h. Reads complete inline on a pooled read-only
// connection; writes are queued to one thread, which commits what waits in one transaction and
// calls their `done`s after it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/ports/action_store.h"
#include "server/ports/audit_head.h"
#include "server/ports/audit_reader.h"
#include "server/ports/directory.h"
#include "server/ports/interactive_sessions.h"
#include "server/ports/users.h"
#include "server/ports/webhook_store.h"

namespace reachback::server {

struct SqliteStoreOptions {
  std::string path;
  std::size_t readers = 4;              // read-only connections
  std::size_t cached_actions = 10'000;  // ended actions kept in memory
  std::size_t group_max = 256;          // writes in one transaction
  std::size_t queue_max = 16'384;       // waiting writes; more are refused (unavailable)
  int checkpoint_frames = 2'000;        // log pages after which the log is copied to the database
  // Free space that only writes of already accepted work may use; new work gets storage_full.
  // Source: trust.md F16.
  std::uint64_t reserve_bytes = 64 << 20;
  std::function<std::uint64_t()> free_bytes;  // empty: what the file system of `path` says
  std::string vfs;                            // SQLite VFS by name; empty: the system's files
  std::function<Timestamp()> now;             // of audit rows; empty: the system's clock
  // The first I/O error after which the store takes no more writes (F14), told once, on the
  // writer's thread: what is on disk is not known any more until the server starts anew.
  std::function<void(const Error&)> on_broken;
#ifdef REACHBACK_TEST_HOOKS
  bool lose_writes_at_power_loss = false;  // synchronous=OFF: shows that the crash tests can fail
#endif
};

class SqliteStore {
 public:
  // Makes the database, durably; does not open it. A half-made one is made anew. Errors:
  // already_exists, unavailable, storage_full.
  static Result<void> create(const SqliteStoreOptions& options);
  // Errors: not_found (no such file), corrupt (half-made, or not ours), mismatch (made by a newer
  // program; nothing is changed), unavailable.
  static Result<std::unique_ptr<SqliteStore>> open(const SqliteStoreOptions& options);
  ~SqliteStore();  // close()
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  // Valid as long as the store is. After close() every call answers unavailable.
  ActionStore& actions();
  MachineStore& machines();
  LibraryStore& library();
  AppStore& apps();
  UserStore& users();
  WebhookStore& webhooks();
  InteractiveSessionStore& sessions();
  // The audit's rows, to be read.
  AuditChain& audit_rows();
  // The newest committed row of the audit's chain. Errors: unavailable, corrupt.
  Result<AuditHead> audit_head();

  // Writes what waits, calls its `done`s, closes the files. Not from a `done`. Again: no effect.
  // Errors: unavailable (an I/O error had broken the store).
  Result<void> close();

 private:
  struct Parts;
  explicit SqliteStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace reachback::server
