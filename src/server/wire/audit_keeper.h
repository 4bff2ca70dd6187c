// Ties the audit's two chains together: enters the head of the database's chain into the file's,
// and exports both heads, at the start, every so often while something happens, and at the end.
#pragma once

#include <mutex>
#include <thread>

#include "base/mutex.h"
#include "server/audit_file/audit_file.h"
#include "server/store_sqlite/store_sqlite.h"
#include "server/wire/head_export.h"

namespace reachback::server {

struct AuditKeeperOptions {
  HeadTarget target;
  Duration every = std::chrono::minutes(1);
};

// Works on a thread of its own, which may wait for the disk. Outlived by store, file and clock.
class AuditKeeper {
 public:
  AuditKeeper(AuditKeeperOptions options, SqliteStore& store, AuditFile& file, const Clock& clock);
  ~AuditKeeper();  // finish()

  // Once more, then ends. Before store and file are closed. Again: no effect.
  void finish();

 private:
  void run();
  void work();

  const AuditKeeperOptions options_;
  SqliteStore& store_;
  AuditFile& file_;
  const Clock& clock_;
  // Of the thread.
  std::optional<AuditHead> entered_;
  std::optional<AuditHeads> exported_;

  Mutex mutex_;
  Condition wake_;
  bool finishing_ RB_GUARDED_BY(mutex_) = false;
  std::once_flag finished_;
  std::thread thread_;
};

}  // namespace reachback::server
