// The record of mints and downloads: a hash-chained file whose answers wait for the disk. See
// chain.h for the lines, verify.h for reading them. Source: decisions.md 21, trust.md T44.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "server/audit_file/checkpoint.h"
#include "server/ports/audit_log.h"

namespace reachback::server {

// Where the bytes go; the one outside tests is a file.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  virtual Result<void> append(std::string_view bytes) = 0;  // may leave a part behind on an error
  virtual Result<void> sync() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  // Writes the bytes [from, to) once more, as they are read, in their places, and syncs them.
  virtual Result<void> rewrite(std::uint64_t from, std::uint64_t to) = 0;
};

struct AuditFileOptions {
  std::string path;
  std::size_t queue_max = 65'536;    // records that may wait; more are refused (unavailable)
  std::unique_ptr<AppendFile> file;  // empty: the file at `path`
  // The first I/O error after which nothing is appended any more (F14), told once, on the writing
  // thread.
  std::function<void(const Error&)> on_broken;
  std::uint64_t checkpoint_every_bytes = kCheckpointEveryBytes;
};

class AuditFile : public AuditLog {
 public:
  // Checks the chain from the last checkpoint on (checkpoint.h), and writes what it checked once
  // more: what is read may be in the page cache only, for ever, after a sync that failed or a kill
  // before one (F14). Makes the file if there is none.
  // The torn end that a power loss leaves is cut off, kept beside the file as `path`.torn-SEQ and
  // told in the log. Errors: corrupt (a record was changed, removed, inserted or moved: the message
  // says which; nothing is changed), conflict (another process has it open), io, storage_full.
  static Result<std::unique_ptr<AuditFile>> open(AuditFileOptions options);
  ~AuditFile() override;  // close()

  // Never blocks on the disk. `done` on the writing thread once the record is synced, many records
  // with one sync; inline when refused. Errors: io (also for ever after a failed sync: F14),
  // storage_full (later ones may succeed), unavailable (the queue is full, or closed).
  void append(AccessRecord record, Done<void> done) override;

  // Writes what waits, then ends. Not from a `done`. Again: no effect.
  void close();
  // The last record on disk.
  AuditHead head() const;
  // The file's length, up to that record.
  std::uint64_t bytes() const;
  // Bytes that open() cut off.
  std::uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  struct Waiting {
    std::string body;
    Done<void> done;
  };
  AuditFile(AuditFileOptions options, Fd lock, const AuditCheckpoint& end,
            std::uint64_t checkpoint_bytes, std::uint64_t torn_bytes);
  void run();
  void write_group(std::vector<Waiting>& group, std::size_t& from);
  Result<void> store(const std::string& lines, const AuditHead& head);

  const std::size_t queue_max_;
  const std::function<void(const Error&)> on_broken_;
  const std::uint64_t torn_bytes_;
  const std::string path_;
  const std::uint64_t checkpoint_every_bytes_;
  Fd lock_;
  std::unique_ptr<AppendFile> file_;
  // Of the writing thread.
  std::uint64_t size_;
  std::uint64_t checkpoint_bytes_;  // of the newest one
  bool broken_ = false;
  std::string lines_;

  mutable Mutex mutex_;
  Condition wake_;
  std::vector<Waiting> queue_ RB_GUARDED_BY(mutex_);
  AuditHead head_ RB_GUARDED_BY(mutex_);
  std::uint64_t synced_bytes_ RB_GUARDED_BY(mutex_);
  bool closing_ RB_GUARDED_BY(mutex_) = false;
  std::once_flag closed_;
  std::thread thread_;
};

}  // namespace reachback::server
