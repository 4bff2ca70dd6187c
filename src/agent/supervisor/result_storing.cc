#include "agent/supervisor/result_storing.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "agent/ports/memory_file.h"
#include "base/bytes.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {

// Gives disk space back, so that a shorter result fits.
bool halve(const Fd& file) {
  auto size = file_bytes(file.get());
  return size.ok() && *size > 0 && ::ftruncate(file.get(), static_cast<off_t>(*size / 2)) == 0;
}

// Has the disk take these bytes now, so that the sync at the end has little to wait for. Best
// effort: only that sync counts.
void send_to_disk(const Fd& file, std::uint64_t offset, std::uint64_t bytes) {
  ::sync_file_range(
      file.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

template <typename Stored>
void set_blob(pb::BlobRef& blob, const Stored& stored) {
  blob.set_bytes(stored.bytes);
  blob.set_sha256(std::string(as_bytes(stored.sha256)));
}

}  // namespace

void add_error(pb::CommandEnded& ended, std::string_view text) {
  if (ended.errors_size() < static_cast<int>(protocol::kErrorsMax)) {
    ended.add_errors(std::string(cut_utf8(to_valid_utf8(text), protocol::kErrorBytesMax)));
  }
}

ResultStoring::ResultStoring(Spool& spool, const ActionId& action, std::uint32_t index,
                             ScriptOutcome outcome, StreamFiles streams, pb::JournalEnded ended)
    : spool_(spool),
      action_(action),
      index_(index),
      outcome_(std::move(outcome)),
      streams_(std::move(streams)),
      ended_(std::move(ended)) {
  outcome_.stdout_fd = streams_.out.get();
  outcome_.stderr_fd = streams_.err.get();
}

bool ResultStoring::store_some() {
  while (true) {
    switch (phase_) {
      case Phase::writing:
      case Phase::syncing:
        if (!write_some()) {
          return false;
        }
        break;
      case Phase::raw_stdout:
        if (!keep_raw(streams_.out, writer_->written().stdout_exact, writer_->written().raw_stdout,
                      pb::RAW_STDOUT, [](pb::CommandEnded& m) -> pb::BlobRef& {
                        return *m.mutable_raw_stdout();
                      })) {
          return false;
        }
        phase_ = Phase::raw_stderr;
        break;
      case Phase::raw_stderr:
        if (!keep_raw(streams_.err, writer_->written().stderr_exact, writer_->written().raw_stderr,
                      pb::RAW_STDERR, [](pb::CommandEnded& m) -> pb::BlobRef& {
                        return *m.mutable_raw_stderr();
                      })) {
          return false;
        }
        phase_ = Phase::over;
        break;
      case Phase::over:
        return true;
    }
  }
}

// True: the phase is another one now.
bool ResultStoring::write_some() {
  auto stored = [&]() -> Result<bool> {
    if (phase_ == Phase::syncing) {
      RB_TRY(spool_.sync(file_));
      return true;
    }
    if (!writer_) {
      RB_TRY_ASSIGN(file_, spool_.make_result(action_, index_));
      writer_ = std::make_unique<ResultWriter>(outcome_, file_.get());
      sent_to_disk_ = 0;
    }
    RB_TRY_ASSIGN(const bool whole, writer_->write_some(kSliceBytes));
    if (whole && sent_to_disk_ == 0) {
      RB_TRY(spool_.sync(file_));
      return true;
    }
    RB_TRY_ASSIGN(const std::uint64_t size, file_bytes(file_.get()));
    send_to_disk(file_, sent_to_disk_, size - sent_to_disk_);
    sent_to_disk_ = size;
    phase_ = whole ? Phase::syncing : Phase::writing;
    return false;
  }();
  if (stored.ok()) {
    if (!*stored) {
      return false;
    }
    if (shortened_) {
      add_error(*ended_.mutable_ended(),
                "OutputTruncated: the disk was too full for all of the output");
    }
    const WrittenResult& written = writer_->written();
    ended_.set_spooled(true);
    ended_.set_result_bytes(written.bytes);
    ended_.set_result_sha256(std::string(as_bytes(written.sha256)));
    set_blob(*ended_.mutable_ended()->mutable_result(), written);
    sent_to_disk_ = 0;
    phase_ = Phase::raw_stdout;
    return true;
  }
  if (stored.error().code == Errc::storage_full) {
    const bool out_shorter = halve(streams_.out);
    const bool err_shorter = halve(streams_.err);
    if (out_shorter || err_shorter) {
      shortened_ = true;
      writer_ = nullptr;
      phase_ = Phase::writing;
      return false;
    }
  }
  give_up(stored.error());
  return true;
}

void ResultStoring::give_up(const Error& error) {
  const bool full = error.code == Errc::storage_full;
  ended_.mutable_ended()->set_outcome(pb::FAILED);
  add_error(*ended_.mutable_ended(), (full ? "DiskFull: " : "ResultLost: ") + error.message);
  phase_ = Phase::over;
}

// Keeps the bytes as written where the result could not carry them. True: done with.
bool ResultStoring::keep_raw(const Fd& file, bool exact, const RawStream& raw, pb::UploadKind kind,
                             pb::BlobRef& (*blob)(pb::CommandEnded&)) {
  if (exact) {
    spool_.remove(action_, index_, kind);
    return true;
  }
  if (raw.bytes > kSliceBytes && sent_to_disk_ < raw.bytes) {
    send_to_disk(file, sent_to_disk_, kSliceBytes);
    sent_to_disk_ += kSliceBytes;
    return false;
  }
  sent_to_disk_ = 0;
  if (spool_.sync(file).ok()) {
    set_blob(blob(*ended_.mutable_ended()), raw);
  } else {
    add_error(*ended_.mutable_ended(), "OutputTruncated: the bytes as written could not be kept");
  }
  return true;
}

}  // namespace reachback::agent
