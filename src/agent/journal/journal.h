// The journal file: what the agent may do is what this file says. Not thread-safe.
//
// A journal that cannot be read whole is not repaired and not emptied: it is kept as
// "journal-<hex>.quarantined", everything unfinished in it becomes Interrupted, and a new
// generation starts, to which the server hands no old grant.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/journal/file_layer.h"
#include "agent/journal/state.h"
#include "base/random.h"
#include "base/time.h"

namespace reachback::agent {

// How long a finished action is remembered, so that its order is refused. Source: trust.md §3.4.
inline constexpr Duration kTombstoneLife = std::chrono::hours(24 * 30);

class Journal {
 public:
  // Opens "journal" of the layer's folder, or makes it with a new generation.
  // Errors: io, storage_full, forbidden. Damage is not an error: see quarantine().
  static Result<std::unique_ptr<Journal>> open(FileLayer& files, const Clock& clock,
                                               Random& random);

  const JournalState& state() const { return state_; }
  // On success the entries are on disk, all of them or (after a power loss in this call) none, and
  // part of state(). Errors: storage_full (try again later), io (the journal is unhealthy from now
  // on: a disk that failed to sync once cannot be believed, so every later call fails too).
  Result<void> append(const std::vector<Entry>& entries);
  // Takes care that the records of `commands` commands fit even when the disk is full.
  // Errors: storage_full: do not take on the work.
  Result<void> reserve(std::size_t commands, std::size_t bytes);
  bool is_healthy() const { return healthy_; }
  // Rewrites the file without what is long finished, when that is worth it.
  Result<void> compact_if_due();
  // The name of the file that was put aside by open(), or empty.
  const std::string& quarantine() const { return quarantine_; }
  std::uint64_t used_bytes() const { return end_; }

 private:
  Journal(FileLayer& files, const Clock& clock, Random& random)
      : files_(files), clock_(clock), random_(random) {}
  Result<void> load(std::string bytes);
  Result<void> start_over(const JournalState& state);
  Result<void> grow(std::uint64_t bytes_free);
  Result<void> write_record(const std::vector<Entry>& entries);
  Result<void> fail(const Error& error);

  FileLayer& files_;
  const Clock& clock_;
  Random& random_;
  std::unique_ptr<LayerFile> file_;
  JournalState state_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t end_ = 0;       // behind the last record
  std::uint64_t capacity_ = 0;  // zero-filled up to here
  std::uint64_t compact_at_ = 0;
  std::string quarantine_;
  bool healthy_ = true;
};

}  // namespace reachback::agent
