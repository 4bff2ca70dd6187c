// Puts the result of a command that has ended on disk, a slice at a time: while gigabytes are
// written, the loop keeps the session alive and hears a cancel. Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "agent/command/result_writer.h"
#include "agent/supervisor/spool.h"

namespace reachback::agent {

// Of the streams, in one slice (ours): a few milliseconds of work.
inline constexpr std::uint64_t kSliceBytes = 4 << 20;

class ResultStoring {
 public:
  // outcome: without its descriptors. ended: what is known of the end; the result is added to it.
  ResultStoring(Spool& spool, const ActionId& action, std::uint32_t index, ScriptOutcome outcome,
                StreamFiles streams, pb::JournalEnded ended);

  // One slice; true: over. Everything that ended() names is then on disk. A full disk shortens the
  // result; only when not even an empty one fits has the command failed.
  bool store_some();
  const pb::JournalEnded& ended() const { return ended_; }
  // Once it is over: what stands in the spool; null: nothing.
  const WrittenResult* written() const { return ended_.spooled() ? &writer_->written() : nullptr; }

 private:
  enum class Phase { writing, syncing, raw_stdout, raw_stderr, over };

  bool write_some();
  void give_up(const Error& error);
  bool keep_raw(const Fd& file, bool exact, const RawStream& raw, pb::UploadKind kind,
                pb::BlobRef& (*blob)(pb::CommandEnded&));

  Spool& spool_;
  const ActionId action_;
  const std::uint32_t index_;
  ScriptOutcome outcome_;
  StreamFiles streams_;
  pb::JournalEnded ended_;
  Phase phase_ = Phase::writing;
  Fd file_;
  std::unique_ptr<ResultWriter> writer_;
  std::uint64_t sent_to_disk_ = 0;  // of the file of this phase
  bool shortened_ = false;
};

// Adds a text to what the report says, within the codec's limits.
void add_error(pb::CommandEnded& ended, std::string_view text);

}  // namespace reachback::agent
