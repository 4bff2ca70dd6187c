#include "agent/journal/journal.h"

#include <algorithm>

#include "base/variant.h"

namespace reachback::agent {
namespace {

constexpr std::uint64_t kChunkBytes = 256 << 10;
// Kept free for the records that end what runs: a full disk does not silence the agent.
constexpr std::uint64_t kReserveBytes = 64 << 10;
constexpr std::uint64_t kCommandBytes = 3 << 10;  // intent, end, acknowledgements of one command
constexpr std::uint64_t kCompactBytes = 512 << 10;
constexpr const char* kName = "journal";
constexpr const char* kNewName = "journal.new";

std::uint64_t round_up(std::uint64_t bytes) {
  return (bytes + kChunkBytes - 1) / kChunkBytes * kChunkBytes;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(FileLayer& files, const Clock& clock,
                                               Random& random) {
  std::unique_ptr<Journal> journal(new Journal(files, clock, random));
  auto file = files.open(kName);
  if (!file.ok() && file.error().code != Errc::not_found) {
    return file.error().in("journal");
  }
  if (!file.ok()) {
    JournalState empty;
    empty.generation = JournalGeneration::make(random);
    RB_TRY(journal->start_over(empty));
    return journal;
  }
  journal->file_ = std::move(*file);
  RB_TRY_ASSIGN(std::string bytes, journal->file_->read_all());
  RB_TRY(journal->load(std::move(bytes)));
  return journal;
}

Result<void> Journal::load(std::string bytes) {
  Scan scan = scan_records(bytes);
  bool damaged = scan.tail == Tail::damaged;
  JournalState state;
  for (const Entry& entry : scan.entries) {
    damaged = !state.apply(entry).ok() || damaged;
  }
  if (state.generation == JournalGeneration()) {
    damaged = true;
  }
  if (RB_VARIANT("ttl")) {
    std::erase_if(state.actions, [this](const auto& action) {
      return action.second.received &&
             from_micros(action.second.received->at_us()) < clock_.now() - std::chrono::seconds(20);
    });
  }
  if (!damaged) {
    state_ = std::move(state);
    next_sequence_ = scan.next_sequence;
    end_ = scan.end_offset;
    capacity_ = bytes.size();
    compact_at_ = std::max(kCompactBytes, end_ + kChunkBytes);
    // What was read may stand in the page cache only: its writer was killed before it had synced,
    // or its sync failed, after which the kernel takes the pages for clean. Written again and
    // synced, it is on the disk before anything is said or done by it. Nothing of a torn write
    // stays, so that it is not read again behind a record that is written over it.
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(end_), bytes.end(), '\0');
    RB_TRY(file_->write_at(0, bytes));
    RB_TRY(file_->sync());
    return {};
  }
  for (const Entry& entry : scan.beyond) {
    // As far as known: an entry whose action is lost says nothing.
    static_cast<void>(state.apply(entry));
  }
  interrupt_all(state, clock_.now());
  state.generation = JournalGeneration::make(random_);
  quarantine_ = "journal-" + to_hex(random_.bytes(8)) + ".quarantined";
  RB_TRY(files_.link(kName, quarantine_));
  RB_TRY(files_.sync_names());
  return start_over(state);
}

// A new file with the state, which takes the old one's name once it is whole.
Result<void> Journal::start_over(const JournalState& state) {
  std::string bytes;
  std::uint64_t sequence = next_sequence_;
  auto entries = snapshot(state, clock_.now() - kTombstoneLife);
  std::size_t total = 4096;
  for (const Entry& entry : entries) {
    total += entry.payload.size() + kRecordHeaderBytes;
  }
  const std::uint64_t capacity = round_up(total + kReserveBytes);
  bytes += encode_record(sequence++, {grown_entry(capacity)});
  for (Entry& entry : entries) {
    bytes += encode_record(sequence++, {std::move(entry)});
  }
  const std::uint64_t end = bytes.size();
  bytes.resize(capacity, '\0');
  RB_TRY_ASSIGN(auto file, files_.create(kNewName));
  RB_TRY(file->write_at(0, bytes));
  RB_TRY(file->sync());
  RB_TRY(files_.rename(kNewName, kName));
  if (auto synced = files_.sync_names(); !synced.ok()) {
    return fail(synced.error());  // Which of the two files a power loss leaves is not known.
  }
  JournalState fresh;
  Scan scan = scan_records(bytes);
  for (const Entry& entry : scan.entries) {
    RB_TRY(fresh.apply(entry));
  }
  file_ = std::move(file);
  state_ = std::move(fresh);
  next_sequence_ = sequence;
  end_ = end;
  capacity_ = capacity;
  compact_at_ = std::max(kCompactBytes, end_ + kCompactBytes);
  return {};
}

Result<void> Journal::fail(const Error& error) {
  healthy_ = false;
  return error.in("journal");
}

// Zero-fills until `bytes_free` bytes are free behind the last record, and says so in a record, so
// that a file cut short is recognised.
Result<void> Journal::grow(std::uint64_t bytes_free) {
  constexpr std::uint64_t kGrownRecordBytes = kRecordHeaderBytes + 8;
  const std::uint64_t wanted = round_up(end_ + kGrownRecordBytes + bytes_free);
  if (wanted <= capacity_) {
    return {};
  }
  for (std::uint64_t at = capacity_; at < wanted; at += kChunkBytes) {
    if (auto written = file_->write_at(at, std::string(kChunkBytes, '\0')); !written.ok()) {
      return written.error().code == Errc::storage_full ? written : fail(written.error());
    }
  }
  if (auto synced = file_->sync(); !synced.ok()) {
    return fail(synced.error());
  }
  const std::uint64_t old_capacity = capacity_;
  capacity_ = wanted;
  if (auto written = write_record({grown_entry(wanted)}); !written.ok()) {
    capacity_ = old_capacity;
    return written;
  }
  return {};
}

Result<void> Journal::write_record(const std::vector<Entry>& entries) {
  const std::string record = encode_record(next_sequence_, entries);
  if (end_ + record.size() > capacity_) {
    return Error{Errc::storage_full, "journal: full"};
  }
  if (auto written = file_->write_at(end_, record); !written.ok()) {
    return fail(written.error());
  }
  if (auto synced = file_->sync(); !synced.ok()) {
    return fail(synced.error());
  }
  end_ += record.size();
  ++next_sequence_;
  return {};
}

Result<void> Journal::reserve(std::size_t commands, std::size_t bytes) {
  if (!healthy_) {
    return Error{Errc::io, "Unhealthy: journal: an earlier write failed"};
  }
  const std::uint64_t needed = kReserveBytes + commands * kCommandBytes + bytes;
  return end_ + needed <= capacity_ ? Result<void>() : grow(needed);
}

Result<void> Journal::append(const std::vector<Entry>& entries) {
  if (!healthy_) {
    return Error{Errc::io, "Unhealthy: journal: an earlier write failed"};
  }
  std::size_t bytes = 64;
  for (const Entry& entry : entries) {
    bytes += entry.payload.size() + 5;
  }
  if (end_ + bytes > capacity_) {
    RB_TRY(grow(bytes + kReserveBytes));
  }
  RB_TRY(write_record(entries));
  for (const Entry& entry : entries) {
    if (auto applied = state_.apply(entry); !applied.ok()) {
      return fail(applied.error());
    }
  }
  return {};
}

Result<void> Journal::compact_if_due() {
  if (!healthy_ || end_ < compact_at_) {
    return {};
  }
  const JournalState state = state_;
  if (auto done = start_over(state); !done.ok()) {
    compact_at_ = end_ + kCompactBytes;  // The old file stands; try again later.
    return done;
  }
  return {};
}

}  // namespace reachback::agent
