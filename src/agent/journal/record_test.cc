#include "agent/journal/record.h"

#include <gtest/gtest.h>

#include "agent/journal/crc32c.h"
#include "agent/journal/test_support.h"

namespace reachback::agent {
namespace {

TEST(Crc32c, KnownAnswers) {
  // Source: RFC 3720 B.4.
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c_extend(crc32c("1234"), "56789"), 0xe3069283u);
}

TEST(Record, TheBytesAreTheDocumentedOnes) {
  EXPECT_EQ(to_hex(encode_record(0x0102, {Entry{RecordType::intent, "ab"}})),
            "0b000000" + to_hex([] {
              std::string crc;
              const std::uint32_t value = crc32c(std::string("\x02\x01\0\0\0\0\0\0\x03", 9) + "ab");
              for (int i = 0; i < 4; ++i) {
                crc += static_cast<char>(value >> (8 * i));
              }
              return crc;
            }()) +
                "0201000000000000" + "03" + "6162");
}

std::string file_of(const std::vector<std::vector<Entry>>& appends, std::size_t size = 8192) {
  std::string out = encode_record(1, {grown_entry(size)});
  std::uint64_t sequence = 2;
  for (const auto& entries : appends) {
    out += encode_record(sequence++, entries);
  }
  out.resize(size, '\0');
  return out;
}

std::vector<int> types(const std::vector<Entry>& entries) {
  std::vector<int> out;
  for (const auto& e : entries) {
    out.push_back(static_cast<int>(e.type));
  }
  return out;
}

TEST(Record, BatchesAreOpenedAndTheEndIsFound) {
  auto scan = scan_records(
      file_of({{received_entry('a', 1), intent_entry('a', 0)}, {ended_entry('a', 0)}}));
  EXPECT_EQ(types(scan.entries), (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(scan.tail, Tail::clean);
  EXPECT_EQ(scan.next_sequence, 4u);
}

TEST(Record, AnEmptyOrShortenedFileIsDamaged) {
  EXPECT_EQ(scan_records("").tail, Tail::damaged);
  EXPECT_EQ(scan_records(std::string(4096, '\0')).tail, Tail::damaged);
  const std::string file = file_of({{received_entry('a', 1)}});
  for (std::size_t cut = 0; cut < file.size(); ++cut) {
    EXPECT_EQ(scan_records(std::string_view(file).substr(0, cut)).tail, Tail::damaged) << cut;
  }
}

// Found by fuzz/journal: the length of a record was read behind the end of the file.
TEST(Record, AFileThatEndsInsideALengthIsDamaged) {
  const std::string record = encode_record(1, {Entry{RecordType::intent, "ab"}});
  for (std::size_t more = 1; more < kRecordHeaderBytes; ++more) {
    EXPECT_EQ(scan_records(record + std::string(more, '\x01')).tail, Tail::damaged) << more;
  }
  EXPECT_EQ(scan_records(record + std::string(3, '\0')).tail, Tail::clean);
}

TEST(Record, AWriteOfWhichSectorsAreMissingIsTorn) {
  const std::string before = file_of({{received_entry('a', 2)}});
  const std::size_t end = scan_records(before).end_offset;
  const std::string record =
      encode_record(3, {received_entry('b', 2, 1, 1500), intent_entry('b', 0)});
  std::string whole = before;
  whole.replace(end, record.size(), record);
  ASSERT_EQ(scan_records(whole).entries.size(), 3u);
  const std::size_t sectors = (end + record.size()) / kSectorBytes + 1;
  for (std::uint32_t kept = 0; kept + 1 < (1u << sectors); ++kept) {
    std::string file = before;
    for (std::size_t s = 0; s < sectors; ++s) {
      if ((kept >> s & 1) != 0) {
        file.replace(s * kSectorBytes, kSectorBytes, whole, s * kSectorBytes, kSectorBytes);
      }
    }
    auto scan = scan_records(file);
    EXPECT_NE(scan.tail, Tail::damaged) << kept;
    EXPECT_EQ(scan.entries.size(), 1u) << kept;
  }
}

TEST(Record, GoodRecordsBehindADamagedOneAreFound) {
  std::string file =
      file_of({{received_entry('a', 1)}, {intent_entry('a', 0)}, {ended_entry('a', 0)}});
  const std::string first = encode_record(1, {grown_entry(8192)});
  file[first.size() + 20] = static_cast<char>(file[first.size() + 20] ^ 1);
  auto scan = scan_records(file);
  EXPECT_EQ(scan.tail, Tail::damaged);
  EXPECT_EQ(types(scan.beyond), (std::vector<int>{3, 4}));
}

}  // namespace
}  // namespace reachback::agent
