// The agent's journal. No part of a file says anything that the whole does not; what was written is
// read back, and damage never passes for an end; a state that was folded, rewritten as a snapshot
// and folded again is the same; after damage nothing is left that may still start.
#include <algorithm>

#include "agent/journal/crc32c.h"
#include "agent/journal/record.h"
#include "agent/journal/state.h"
#include "fuzz/fuzz.h"

namespace reachback::agent {

static bool operator==(const Entry& a, const Entry& b) {
  return a.type == b.type && a.payload == b.payload;
}

}  // namespace reachback::agent

namespace reachback::fuzz {
namespace {

using namespace agent;

bool is_prefix(const std::vector<Entry>& part, const std::vector<Entry>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

void fold(JournalState& state, const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    if (!state.apply(entry)) {
      return;
    }
  }
}

// Of entries that were written from a state: none is refused.
JournalState folded(const std::vector<Entry>& entries) {
  JournalState out;
  for (const Entry& entry : entries) {
    FUZZ_CHECK(out.apply(entry));
  }
  return out;
}

void check_state(const std::vector<Entry>& entries) {
  JournalState state;
  fold(state, entries);
  const std::vector<Entry> kept = snapshot(state, Timestamp::min());
  JournalState again = folded(kept);
  for (const auto& [id, action] : state.actions) {
    const auto twin = again.actions.find(id);
    if (twin == again.actions.end()) {
      FUZZ_CHECK(!action.received && !action.closed && action.voided_epoch == 0);
      continue;
    }
    FUZZ_CHECK(action.is_over() == twin->second.is_over());
    FUZZ_CHECK(action.is_finished() == twin->second.is_finished());
    FUZZ_CHECK(action.has_unacknowledged() == twin->second.has_unacknowledged());
    FUZZ_CHECK(action.voided_epoch == twin->second.voided_epoch);
  }
  // A machine never gives a receipt's number twice: no rewriting takes the chain's end back.
  FUZZ_CHECK(again.receipt_head.number >= state.receipt_head.number);
  FUZZ_CHECK(again.receipt_head.number > state.receipt_head.number ||
             again.receipt_head.sha256 == state.receipt_head.sha256 ||
             state.receipt_head.number == 0);
  // The first rewriting may forget what finished; the second finds nothing to change.
  const std::vector<Entry> twice = snapshot(again, Timestamp::min());
  FUZZ_CHECK(snapshot(folded(twice), Timestamp::min()) == twice);
  FUZZ_CHECK(snapshot(state, Timestamp::max()).size() <= kept.size());

  interrupt_all(state, Timestamp());
  for (const auto& [id, action] : state.actions) {
    for (const CommandRecord& command : action.commands) {
      FUZZ_CHECK(command.ended || action.closed || action.is_voided());
      FUZZ_CHECK(command.ended || !command.intent || action.is_voided() || action.is_finished());
    }
  }
  folded(snapshot(state, Timestamp::min()));
}

void check_file(std::string_view file, std::size_t cut) {
  const Scan whole = scan_records(file);
  FUZZ_CHECK(whole.end_offset <= file.size());
  FUZZ_CHECK(whole.beyond.empty() || whole.tail == Tail::damaged);
  const std::string_view good = file.substr(0, whole.end_offset);
  const Scan front = scan_records(good);
  FUZZ_CHECK(front.entries == whole.entries && front.next_sequence == whole.next_sequence);

  cut = std::min(cut, file.size());
  const Scan part = scan_records(file.substr(0, cut));
  FUZZ_CHECK(is_prefix(part.entries, whole.entries));
  FUZZ_CHECK(part.end_offset <= cut);
  std::string zeroed(file.substr(0, cut));
  zeroed.resize(file.size() + kSectorBytes, '\0');
  const Scan blank = scan_records(zeroed);
  FUZZ_CHECK(is_prefix(part.entries, blank.entries));
  FUZZ_CHECK(crc32c_extend(crc32c(file.substr(0, cut)), file.substr(cut)) == crc32c(file));
  std::vector<Entry> all = whole.entries;
  all.insert(all.end(), whole.beyond.begin(), whole.beyond.end());
  check_state(all);
}

// Records of entries: (type, length, payload) each; a type above 0x7f ends a record.
struct Written {
  std::string file;
  std::vector<Entry> entries;
  std::size_t last_record = 0;  // where it begins
};

Written write(Input in) {
  Written out;
  std::uint64_t sequence = 1;
  std::vector<Entry> record;
  auto flush = [&] {
    if (!record.empty()) {
      out.last_record = out.file.size();
      out.file += encode_record(sequence++, record);
      record.clear();
    }
  };
  while (!in.rest().empty()) {
    const std::uint8_t head = in.byte();
    const int kind = 1 + (head & 0x7f) % 9;
    Entry entry{kind == 9 ? RecordType::receipt_head : static_cast<RecordType>(kind), ""};
    for (std::size_t left = in.byte(); left > 0 && !in.rest().empty(); --left) {
      entry.payload += static_cast<char>(in.byte());
    }
    out.entries.push_back(entry);
    record.push_back(std::move(entry));
    if ((head & 0x80) != 0) {
      flush();
    }
  }
  flush();
  return out;
}

void check_written(Input in) {
  const std::size_t at = in.byte() * 256u + in.byte();
  const std::uint8_t change = in.byte();
  Written w = write(in);
  if (w.file.empty()) {
    return;
  }
  const std::string padded = w.file + std::string(3 * kSectorBytes, '\0');
  Scan scan = scan_records(padded);
  FUZZ_CHECK(scan.tail == Tail::clean && scan.entries == w.entries);
  FUZZ_CHECK(scan.end_offset == w.file.size());
  check_state(w.entries);

  // One byte changes.
  std::string spoilt = padded;
  const std::size_t where = at % w.file.size();
  spoilt[where] = static_cast<char>(spoilt[where] ^ change);
  scan = scan_records(spoilt);
  FUZZ_CHECK(is_prefix(scan.entries, w.entries));
  FUZZ_CHECK((scan.tail == Tail::clean) == (change == 0));
  FUZZ_CHECK(where >= w.last_record || change == 0 || scan.tail == Tail::damaged);

  // The power goes while the last record is written: whole sectors of it are missing.
  std::string torn = padded;
  const std::size_t sector = w.last_record / kSectorBytes + at % 4;
  const std::size_t from = std::max(sector * kSectorBytes, w.last_record);
  if (from < w.file.size()) {
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(from),
              torn.begin() +
                  static_cast<std::ptrdiff_t>(std::min((sector + 1) * kSectorBytes, w.file.size())),
              '\0');
    scan = scan_records(torn);
    FUZZ_CHECK(is_prefix(scan.entries, w.entries));
    FUZZ_CHECK(torn == padded || scan.end_offset == w.last_record);
  }
  check_file(padded, at % padded.size());
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  if (in.choice(2) == 0) {
    check_written(in);
  } else {
    const std::size_t cut = in.byte() * 256u + in.byte();
    check_file(in.rest(), cut);
  }
}

}  // namespace reachback::fuzz
