// Journal records as bytes: length u32 | crc32c u32 | sequence u64 | type u8 | payload, little
// endian. length counts sequence, type and payload; the CRC covers the same bytes. After the last
// record the file is zero, so that appending overwrites allocated blocks. Pure.
//
// One append is one record: several entries go into one record of type `batch`, whose CRC makes
// them appear together or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reachback::agent {

// On disk: never renumbered.
enum class RecordType : std::uint8_t {
  generation = 1,
  received = 2,
  intent = 3,
  ended = 4,
  blob_acked = 5,
  report_acked = 6,
  closed = 7,
  voided = 8,
  batch = 9,   // payload: (type u8 | length u32 | payload) of each entry
  grown = 10,  // payload: u64, the file is at least this long
  receipt_head = 11,
};

struct Entry {
  RecordType type = RecordType::generation;
  std::string payload;
};

inline constexpr std::size_t kRecordHeaderBytes = 17;
inline constexpr std::size_t kRecordBytesMax = 4 << 20;
// The unit in which a disk writes all or nothing: what makes a torn record tellable from a rotten
// one.
inline constexpr std::size_t kSectorBytes = 512;

std::string encode_record(std::uint64_t sequence, const std::vector<Entry>& entries);
Entry grown_entry(std::uint64_t file_bytes);

enum class Tail {
  clean,    // zeros only
  torn,     // the last write was cut by a power loss: it was never acknowledged, drop it
  damaged,  // anything else: acknowledged records may be unreadable
};

struct Scan {
  std::vector<Entry> entries;  // batches opened, `grown` left out
  std::uint64_t next_sequence = 1;
  std::uint64_t end_offset = 0;  // behind the last good record
  Tail tail = Tail::clean;
  std::vector<Entry> beyond;  // damaged only: good records found behind the damage
};

Scan scan_records(std::string_view file);

}  // namespace reachback::agent
