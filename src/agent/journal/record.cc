#include "agent/journal/record.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "agent/journal/crc32c.h"

namespace reachback::agent {
namespace {

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> (8 * i));
  }
}

std::uint64_t get(std::string_view in, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) {
    value = (value << 8) | static_cast<unsigned char>(in[at + static_cast<std::size_t>(i)]);
  }
  return value;
}

// The first byte at or after `from` that is not zero; npos: none. Most of a journal is zero, so by
// blocks.
std::size_t find_nonzero(std::string_view bytes, std::size_t from) {
  static constexpr char kZeros[kSectorBytes] = {};
  while (from < bytes.size()) {
    const std::size_t size = std::min(kSectorBytes, bytes.size() - from);
    if (std::memcmp(bytes.data() + from, kZeros, size) != 0) {
      while (bytes[from] == '\0') {
        ++from;
      }
      return from;
    }
    from += size;
  }
  return std::string_view::npos;
}

bool is_zero(std::string_view bytes) {
  return find_nonzero(bytes, 0) == std::string_view::npos;
}

std::size_t find_last_nonzero(std::string_view bytes) {
  static constexpr char kZeros[kSectorBytes] = {};
  std::size_t end = bytes.size();
  while (end >= kSectorBytes &&
         std::memcmp(bytes.data() + end - kSectorBytes, kZeros, kSectorBytes) == 0) {
    end -= kSectorBytes;
  }
  while (end > 0 && bytes[end - 1] == '\0') {
    --end;
  }
  return end;  // behind it
}

std::string_view slice(std::string_view file, std::size_t from, std::size_t to) {
  return from >= file.size() ? std::string_view() : file.substr(from, to - from);
}

struct Parsed {
  std::uint64_t sequence = 0;
  std::vector<Entry> entries;
  std::uint64_t file_bytes = 0;  // of a `grown`
  std::size_t end = 0;
};

bool is_type(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(RecordType::generation) &&
         type <= static_cast<std::uint8_t>(RecordType::receipt_head);
}

bool add_entry(Parsed& out, RecordType type, std::string_view payload) {
  if (type == RecordType::batch) {
    return false;
  }
  if (type == RecordType::grown) {
    if (payload.size() != 8) {
      return false;
    }
    out.file_bytes = std::max(out.file_bytes, get(payload, 0, 8));
    return true;
  }
  out.entries.push_back(Entry{type, std::string(payload)});
  return true;
}

std::optional<Parsed> parse_at(std::string_view file, std::size_t at) {
  if (at + kRecordHeaderBytes > file.size()) {
    return std::nullopt;
  }
  const std::uint64_t length = get(file, at, 4);
  if (length < 9 || length > kRecordBytesMax || at + 8 + length > file.size()) {
    return std::nullopt;
  }
  const auto type = static_cast<std::uint8_t>(file[at + 16]);
  const std::string_view covered = file.substr(at + 8, length);
  if (!is_type(type) || crc32c(covered) != get(file, at + 4, 4)) {
    return std::nullopt;
  }
  Parsed out;
  out.sequence = get(file, at + 8, 8);
  out.end = at + 8 + length;
  std::string_view payload = covered.substr(9);
  if (static_cast<RecordType>(type) != RecordType::batch) {
    return add_entry(out, static_cast<RecordType>(type), payload) ? std::optional(out)
                                                                  : std::nullopt;
  }
  while (!payload.empty()) {
    if (payload.size() < 5 || !is_type(static_cast<std::uint8_t>(payload[0])) ||
        get(payload, 1, 4) > payload.size() - 5) {
      return std::nullopt;
    }
    const auto inner = static_cast<RecordType>(payload[0]);
    const std::size_t size = get(payload, 1, 4);
    if (!add_entry(out, inner, payload.substr(5, size))) {
      return std::nullopt;
    }
    payload.remove_prefix(5 + size);
  }
  return out;
}

// A record whose length field alone is wrong has a CRC that fits some other length.
bool is_whole_with_another_length(std::string_view file, std::size_t at) {
  if (at + kRecordHeaderBytes > file.size()) {
    return false;
  }
  const std::uint64_t wanted = get(file, at + 4, 4);
  // A payload may end in zeros; more than a few are not ours.
  const std::size_t stop = std::min(file.size(), find_last_nonzero(file) + 16);
  std::uint32_t crc = 0;
  for (std::size_t i = at + 8; i < stop; ++i) {
    crc = crc32c_extend(crc, file.substr(i, 1));
    if (i >= at + 16 && crc == wanted) {
      return true;
    }
  }
  return false;
}

// The bytes at `at` are no record and no good record follows. Torn: a whole sector of what would be
// the record was never written, as only a power loss leaves it.
Tail judge_tail(std::string_view file, std::size_t at) {
  const std::size_t boundary = (at / kSectorBytes + 1) * kSectorBytes;
  if (is_zero(slice(file, at, boundary))) {
    return Tail::torn;  // its first sector is missing
  }
  // A file that ends here was cut: the journal's space is there before its records.
  if (at + 4 > file.size() || is_whole_with_another_length(file, at)) {
    return Tail::damaged;
  }
  std::size_t end = boundary + kSectorBytes;  // a header cut by the boundary says no length
  if (at + 4 <= boundary) {
    const std::uint64_t length = get(file, at, 4);
    if (length < 9 || length > kRecordBytesMax || at + 8 + length > file.size()) {
      return Tail::damaged;
    }
    end = at + 8 + length;
  }
  if (!is_zero(slice(file, end, file.size()))) {
    return Tail::damaged;
  }
  for (std::size_t sector = boundary; sector < end; sector += kSectorBytes) {
    if (is_zero(slice(file, sector, std::min(end, sector + kSectorBytes)))) {
      return Tail::torn;
    }
  }
  return Tail::damaged;
}

}  // namespace

std::string encode_record(std::uint64_t sequence, const std::vector<Entry>& entries) {
  std::string body;
  put(body, sequence, 8);
  if (entries.size() == 1) {
    body += static_cast<char>(entries.front().type);
    body += entries.front().payload;
  } else {
    body += static_cast<char>(RecordType::batch);
    for (const Entry& entry : entries) {
      body += static_cast<char>(entry.type);
      put(body, entry.payload.size(), 4);
      body += entry.payload;
    }
  }
  std::string out;
  put(out, body.size(), 4);
  put(out, crc32c(body), 4);
  return out + body;
}

Entry grown_entry(std::uint64_t file_bytes) {
  Entry entry{RecordType::grown, ""};
  put(entry.payload, file_bytes, 8);
  return entry;
}

Scan scan_records(std::string_view file) {
  Scan out;
  std::uint64_t file_bytes = 1;  // an empty file never was a journal
  std::size_t at = 0;
  while (auto record = parse_at(file, at)) {
    if (at != 0 && record->sequence != out.next_sequence) {
      break;
    }
    std::move(record->entries.begin(), record->entries.end(), std::back_inserter(out.entries));
    file_bytes = std::max(file_bytes, record->file_bytes);
    out.next_sequence = record->sequence + 1;
    at = record->end;
  }
  out.end_offset = at;
  if (at == 0 || file.size() < file_bytes) {
    out.tail = Tail::damaged;
  } else if (is_zero(file.substr(at))) {
    return out;
  }
  std::uint64_t newest = out.next_sequence;
  for (std::size_t i = at; i < file.size();) {
    auto record = parse_at(file, i);
    if (record && record->sequence >= newest) {
      std::move(record->entries.begin(), record->entries.end(), std::back_inserter(out.beyond));
      newest = record->sequence + 1;
      i = record->end;
      out.tail = Tail::damaged;
    } else {
      const auto next = find_nonzero(file, i + 1);
      // A length below 256 starts with its own byte, one at or above may start with zeros.
      i = next == std::string_view::npos ? file.size()
                                         : std::max(i + 1, next - std::min<std::size_t>(next, 3));
    }
  }
  if (out.tail == Tail::clean) {
    out.tail = judge_tail(file, at);
  }
  return out;
}

}  // namespace reachback::agent
