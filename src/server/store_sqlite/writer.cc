#include "server/store_sqlite/writer.h"

#include <algorithm>
#include <iterator>

#include "base/failpoint.h"
#include "base/log.h"

namespace reachback::server {
namespace {

const char kBroken[] =
    "the store had an I/O error and takes no more writes until the server is restarted";

int count_frames(void* frames, sqlite3* /*db*/, const char* /*name*/, int in_log) {
  *static_cast<int*>(frames) = in_log;
  return SQLITE_OK;
}

}  // namespace

Writer::Writer(std::unique_ptr<Db> db, WriterOptions options)
    : options_(std::move(options)), db_(std::move(db)) {
  // In place of SQLite's own autocheckpoint, which swallows the error of a failed checkpoint: the
  // next one would then reset the log over pages the kernel has dropped.
  sqlite3_wal_hook(db_->handle(), count_frames, &log_frames_);
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  (void)close();
}

void Writer::enqueue(std::unique_ptr<Write> write) {
  const char* refused = nullptr;
  {
    MutexLock lock(mutex_);
    if (closing_) {
      refused = "the store is closed";
    } else if (broken_) {
      refused = kBroken;
    } else if (queue_.size() >= options_.queue_max) {
      refused = "too many writes wait for the disk";
    } else {
      queue_.push_back(std::move(write));
      if (queue_.size() == 1) {
        wake_.notify_one();
      }
      return;
    }
  }
  write->fail(Error{Errc::unavailable, refused});
  write->finish();
}

void Writer::drain() {
  std::call_once(drained_, [this] {
    {
      MutexLock lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  });
}

Result<void> Writer::close() {
  drain();
  std::call_once(closed_, [this] {
    if (broken_) {
      db_->no_checkpoint_on_close();
    }
    db_.reset();
  });
  return broken_ ? Result<void>(Error{Errc::unavailable, kBroken}) : Result<void>();
}

void Writer::run() {
  Group taken;
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!closing_ && queue_.empty()) {
        wake_.wait(lock);
      }
      if (queue_.empty()) {
        return;
      }
      taken.swap(queue_);
    }
    for (std::size_t at = 0; at < taken.size(); at += options_.group_max) {
      auto begin = taken.begin() + static_cast<std::ptrdiff_t>(at);
      auto count = std::min(options_.group_max, taken.size() - at);
      Group group(std::make_move_iterator(begin),
                  std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count)));
      execute(group);
      checkpoint_if_due();
    }
    taken.clear();
  }
}

void Writer::execute(Group& group) {
  Result<void> done = broken_ ? Result<void>(Error{Errc::unavailable, kBroken}) : run_group(group);
  if (!done) {
    note_io_failure(done.error());
    if (db_->in_transaction()) {
      (void)db_->exec("ROLLBACK");
    }
    for (auto& write : group) {
      write->fail(done.error());
    }
  } else {
    for (auto& write : group) {
      write->committed();
    }
  }
  for (auto& write : group) {
    write->finish();
  }
}

// An error means: nothing of the group is stored, or (failed COMMIT) nobody may count on it.
Result<void> Writer::run_group(Group& group) {
  bool low = only_reserve_left();
  RB_TRY(Query(*db_, "BEGIN IMMEDIATE").run());
  for (auto& write : group) {
    RB_TRY(run_one(*write, low));
  }
  return commit();
}

Result<void> Writer::run_one(Write& write, bool low) {
  if (low && write.takes_space()) {
    write.fail(Error{Errc::storage_full,
                     "the disk is nearly full: what is left is kept for accepted actions"});
    return {};
  }
  RB_TRY(Query(*db_, "SAVEPOINT one").run());
  auto done = write.run(*db_);
  if (!done && (db_->io_failed() || !db_->in_transaction())) {
    // SQLite itself undid the transaction (full disk, no memory), and with it the earlier writes.
    return done.error().in("the group of writes was undone");
  }
  if (!done) {
    RB_TRY(Query(*db_, "ROLLBACK TO one").run());
  }
  return Query(*db_, "RELEASE one").run();
}

Result<void> Writer::commit() {
  RB_FAILPOINT("server.store.before_commit");
  RB_TRY(Query(*db_, "COMMIT").run());
  RB_FAILPOINT("server.store.after_commit");
  return {};
}

void Writer::checkpoint_if_due() {
  if (broken_ || log_frames_ < checkpointed_frames_ + options_.checkpoint_frames) {
    // The log has started over: count from its beginning again.
    checkpointed_frames_ = std::min(checkpointed_frames_, log_frames_);
    return;
  }
  int mode =
      log_frames_ < options_.restart_frames ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART;
  int in_log = 0;
  int copied = 0;
  int rc = sqlite3_wal_checkpoint_v2(db_->handle(), nullptr, mode, &in_log, &copied);
  checkpointed_frames_ = log_frames_;
  if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY) {
    return;
  }
  Error error = db_->error(rc, "checkpoint");
  if (db_->io_failed()) {
    note_io_failure(error);
  } else {
    log_warning("store checkpoint failed, tried again later", {field("error", error.message)});
  }
}

void Writer::note_io_failure(const Error& error) {
  if (db_->io_failed() && !broken_.exchange(true)) {
    log_error("store is broken: an I/O error", {field("error", error.message)});
  }
}

bool Writer::only_reserve_left() const {
  return options_.free_bytes && options_.free_bytes() < options_.reserve_bytes;
}

}  // namespace reachback::server
