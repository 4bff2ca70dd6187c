#include "server/audit_file/audit_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/failpoint.h"
#include "base/log.h"
#include "server/audit_file/checkpoint.h"
#include "server/audit_file/verify.h"

namespace reachback::server {
namespace {

class DiskFile : public AppendFile {
 public:
  DiskFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Result<void> append(std::string_view bytes) override { return write_all(fd_, bytes); }
  Result<void> sync() override { return sync_file(fd_); }
  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return errno_error("truncate", path_);
    }
    return {};
  }
  Result<void> rewrite(std::uint64_t from, std::uint64_t to) override {
    constexpr std::uint64_t kChunkBytes = 1 << 20;
    // On a descriptor of its own: what is written to the appending one goes to the file's end.
    RB_TRY_ASSIGN(Fd fd, open_file(path_, O_RDWR | O_NOFOLLOW));
    std::string chunk(static_cast<std::size_t>(std::min(to - from, kChunkBytes)), '\0');
    while (from < to) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, chunk.size()));
      RB_TRY_ASSIGN(const std::size_t have, read_at(fd.get(), chunk.data(), want, from));
      if (have == 0) {
        return Error{Errc::io, path_ + ": shorter than it was"};
      }
      RB_TRY(write_at(fd.get(), std::string_view(chunk).substr(0, have), from));
      from += have;
    }
    return sync_file(fd.get());
  }

 private:
  int fd_;  // the AuditFile's
  std::string path_;
};

// The audit file opened for appending, made durably if it is not there, and locked.
Result<Fd> open_locked(const std::string& path) {
  bool is_new = !path_exists(path);
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{Errc::conflict, "open audit file " + path + ": another process writes it"};
    }
    return errno_error("lock", path);
  }
  if (is_new) {
    auto folder = std::filesystem::path(path).parent_path().string();
    RB_TRY(sync_folder(folder.empty() ? "." : folder));
  }
  return fd;
}

// Keeps the torn end beside the file, then cuts it off. Its size.
Result<std::uint64_t> cut_torn_tail(int fd, const std::string& path, const VerifyReport& report) {
  off_t end = ::lseek(fd, 0, SEEK_END);
  if (end < 0) {
    return errno_error("seek", path);
  }
  std::string torn(static_cast<std::uint64_t>(end) - report.good_bytes, '\0');
  RB_TRY_ASSIGN(std::size_t have, read_at(fd, torn.data(), torn.size(), report.good_bytes));
  torn.resize(have);
  std::string aside = path + ".torn-" + std::to_string(report.records + 1);
  RB_TRY(write_file_durably(aside, torn));
  DiskFile file(fd, path);
  RB_TRY(file.truncate(report.good_bytes));
  RB_TRY(file.sync());
  log_warning("audit file had a torn end, cut off",
              {field("path", path), field("after_record", report.records),
               field("bytes", torn.size()), field("kept_as", aside)});
  return torn.size();
}

}  // namespace

Result<std::unique_ptr<AuditFile>> AuditFile::open(AuditFileOptions options) {
  RB_TRY_ASSIGN(Fd fd, open_locked(options.path));
  AuditCheckpoint checked = read_checkpoint(options.path);
  RB_TRY_ASSIGN(VerifyReport report, verify_audit_file(options.path, {}, checked));
  std::uint64_t torn_bytes = 0;
  if (report.problem && !report.problem->torn_tail) {
    return Error{Errc::corrupt, "open audit file " + options.path + ": line " +
                                    std::to_string(report.problem->line) + " (byte " +
                                    std::to_string(report.problem->offset) +
                                    "): " + report.problem->what};
  }
  if (report.problem) {
    RB_TRY_ASSIGN(torn_bytes, cut_torn_tail(fd.get(), options.path, report));
  }
  if (options.file == nullptr) {
    options.file = std::make_unique<DiskFile>(fd.get(), options.path);
  }
  RB_TRY(options.file->rewrite(std::min(checked.bytes, report.good_bytes), report.good_bytes));
  return std::unique_ptr<AuditFile>(new AuditFile(std::move(options), std::move(fd),
                                                  AuditCheckpoint{report.good_bytes, report.head},
                                                  checked.bytes, torn_bytes));
}

AuditFile::AuditFile(AuditFileOptions options, Fd lock, const AuditCheckpoint& end,
                     std::uint64_t checkpoint_bytes, std::uint64_t torn_bytes)
    : queue_max_(options.queue_max),
      on_broken_(std::move(options.on_broken)),
      torn_bytes_(torn_bytes),
      path_(std::move(options.path)),
      checkpoint_every_bytes_(options.checkpoint_every_bytes),
      lock_(std::move(lock)),
      file_(std::move(options.file)),
      size_(end.bytes),
      checkpoint_bytes_(checkpoint_bytes),
      head_(end.head),
      synced_bytes_(end.bytes) {
  thread_ = std::thread([this] { run(); });
}

AuditFile::~AuditFile() {
  close();
}

void AuditFile::append(AccessRecord record, Done<void> done) {
  std::string body = audit_body(record);  // on the caller's thread
  bool full = false;
  {
    MutexLock lock(mutex_);
    full = queue_.size() >= queue_max_;
    if (!closing_ && !full) {
      queue_.push_back({std::move(body), std::move(done)});
      if (queue_.size() == 1) {
        wake_.notify_one();
      }
      return;
    }
  }
  done(Error{Errc::unavailable,
             full ? "too many audit records wait for the disk" : "the audit file is closed"});
}

void AuditFile::close() {
  std::call_once(closed_, [this] {
    {
      MutexLock lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
    file_.reset();
    lock_.reset();
  });
}

AuditHead AuditFile::head() const {
  MutexLock lock(mutex_);
  return head_;
}

std::uint64_t AuditFile::bytes() const {
  MutexLock lock(mutex_);
  return synced_bytes_;
}

// Commit delay, as databases have it: only when the last group shows that several callers wait at
// once does a group wait for more. Who comes alone, a moment after such a group, waits kGather in
// vain; later than kBusyFor after it nobody does.
constexpr std::size_t kBusyGroup = 3;
constexpr Duration kGather = std::chrono::microseconds(300);
constexpr Duration kBusyFor = std::chrono::milliseconds(1);

void AuditFile::run() {
  std::vector<Waiting> taken;
  bool busy = false;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (busy) {
        const auto end = std::chrono::steady_clock::now() + kBusyFor;
        while (!closing_ && queue_.empty() && wake_.wait_until(lock, end)) {
        }
        busy = closing_ || !queue_.empty();
      }
      while (!closing_ && queue_.empty()) {
        wake_.wait(lock);
      }
      if (queue_.empty()) {
        return;
      }
      if (busy) {
        // Others are on their way: a sync that waits for them a moment carries many and costs no
        // more.
        lock.unlock();
        std::this_thread::sleep_for(kGather);
        lock.lock();
      }
      taken.swap(queue_);
    }
    busy = taken.size() >= kBusyGroup;
    for (std::size_t from = 0; from < taken.size();) {
      write_group(taken, from);
    }
    taken.clear();
  }
}

// Writes records from `from` on, as many as one sync may carry, and moves `from` behind them.
void AuditFile::write_group(std::vector<Waiting>& group, std::size_t& from) {
  AuditHead next = head();
  lines_.clear();
  std::size_t to = from;
  while (to < group.size() && lines_.size() < kAuditGroupBytesMax - kAuditLineBytesMax) {
    append_audit_line(lines_, next, group[to].body);
    ++to;
  }
  Result<void> stored = store(lines_, next);
  for (; from < to; ++from) {
    group[from].done(stored);
  }
}

Result<void> AuditFile::store(const std::string& lines, const AuditHead& head) {
  if (broken_) {
    return Error{Errc::io, "the audit file had an I/O error; the server must be restarted"};
  }
  auto written = file_->append(lines);
  if (!written && written.error().code == Errc::storage_full && file_->truncate(size_).ok()) {
    return written.error().in("audit file");  // nothing of it is left: the chain goes on
  }
  if (written) {
    RB_FAILPOINT("server.audit.before_sync");
    written = file_->sync();
  }
  if (!written) {
    // The kernel may have dropped the pages: a later sync that succeeds would prove nothing (F14).
    broken_ = true;
    log_error("audit file is broken: an I/O error", {field("error", written.error().message)});
    if (on_broken_) {
      on_broken_(written.error());
    }
    return Error{Errc::io, "audit file: " + written.error().message};
  }
  RB_FAILPOINT("server.audit.after_sync");
  size_ += lines.size();
  if (size_ - checkpoint_bytes_ >= checkpoint_every_bytes_) {
    auto kept = write_checkpoint(path_, AuditCheckpoint{size_, head});
    if (!kept) {  // costs time at the next start, nothing else
      log_warning("audit checkpoint not written", {field("error", kept.error().message)});
    }
    checkpoint_bytes_ = size_;
  }
  MutexLock lock(mutex_);
  head_ = head;
  synced_bytes_ = size_;
  return {};
}

}  // namespace reachback::server
