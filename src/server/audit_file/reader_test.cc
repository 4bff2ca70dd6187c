#include "server/audit_file/reader.h"

#include <gtest/gtest.h>

#include "server/audit_file/audit_file.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() {
    AuditFileOptions options;
    options.path = path_;
    file_ = *AuditFile::open(std::move(options));
  }
  void add(AccessRecord record) {
    record.at = *parse_time("2026-01-01T00:00:00Z") + std::chrono::seconds(count_++);
    record.tenant = tenant_;
    ASSERT_TRUE(testing::wait_for([&](auto d) { file_->append(record, d); }).ok());
  }
  AccessRecord record(std::string kind, std::string object, std::string principal = "ann") {
    AccessRecord out;
    out.kind = std::move(kind);
    out.principal = std::move(principal);
    out.object = std::move(object);
    out.result = "done";
    return out;
  }
  AuditFileReader reader() {
    return AuditFileReader(path_, [this] { return file_->bytes(); });
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "access.log";
  testing::SeededRandom random_{3};
  TenantId tenant_ = TenantId::make(random_);
  std::unique_ptr<AuditFile> file_;
  int count_ = 0;
};

TEST_F(ReaderTest, records_come_backwards_in_pieces_of_any_size_each_once) {
  constexpr int kRecords = 400;  // more than one piece of the file
  for (int i = 0; i < kRecords; ++i) {
    add(record("k", "object " + std::to_string(i)));
  }
  for (std::size_t most : {1u, 7u, 250u, 1000u}) {
    auto r = reader();
    std::uint64_t position = *r.end();
    EXPECT_EQ(position, file_->bytes());
    int next = kRecords - 1;
    while (true) {
      auto piece = r.before(position, most);
      ASSERT_TRUE(piece.ok()) << piece.error().message;
      ASSERT_LE(piece->items.size(), most);
      for (const AuditItem& item : piece->items) {
        ASSERT_EQ(item.object, "object " + std::to_string(next));
        ASSERT_EQ(item.record, static_cast<std::uint64_t>(next + 1));
        --next;
        position = item.position;
      }
      if (piece->begin) {
        break;
      }
    }
    EXPECT_EQ(next, -1) << most;
    EXPECT_EQ(position, 0u);
  }
}

TEST_F(ReaderTest, a_record_tells_what_it_is_about) {
  const ActionId action = ActionId::make(random_);
  const std::string machine(40, 'a');
  auto mint = record("mint", action.text() + "/3 blob");
  mint.request = Sha256{1, 2};
  mint.peer_ip = "192.0.2.1";
  mint.token_id = "jti";
  add(mint);
  add(record("order_refused", action.text() + "/7", machine));
  add(record("machine_cleared", machine + ": a clone"));
  auto piece = reader().before(file_->bytes(), 10);
  ASSERT_TRUE(piece.ok());
  ASSERT_EQ(piece->items.size(), 3u);
  EXPECT_TRUE(piece->begin);
  EXPECT_EQ(piece->items[0].machine, MachineId::parse(machine));
  EXPECT_EQ(piece->items[1].machine, MachineId::parse(machine));
  EXPECT_EQ(piece->items[1].action, action);
  EXPECT_EQ(piece->items[1].command, std::nullopt) << "that is the grant's number";
  const AuditItem& item = piece->items[2];
  EXPECT_EQ(item.action, action);
  EXPECT_EQ(item.command, 3u);
  EXPECT_EQ(item.machine, std::nullopt);
  EXPECT_EQ(item.kind, "mint");
  EXPECT_EQ(item.principal, "ann");
  EXPECT_EQ(item.token_id, "jti");
  EXPECT_EQ(item.result, "done");
  EXPECT_EQ(item.peer_ip, "192.0.2.1");
  EXPECT_EQ(item.request, "0102" + std::string(60, '0'));
  EXPECT_EQ(item.tenant, tenant_);
  EXPECT_EQ(item.at, *parse_time("2026-01-01T00:00:00Z"));
}

TEST_F(ReaderTest, lines_longer_than_a_piece_are_read_too) {
  auto big = record("k", std::string(4096, '\1'));  // each byte becomes six
  big.token_id = big.result = big.peer_ip = big.principal = big.object;
  add(record("first", ""));
  add(big);
  add(record("last", ""));
  ASSERT_GT(file_->bytes(), 100u << 10);
  auto piece = reader().before(file_->bytes(), 10);
  ASSERT_TRUE(piece.ok()) << piece.error().message;
  ASSERT_EQ(piece->items.size(), 3u);
  EXPECT_EQ(piece->items[1].object, std::string(4096, '\1'));
}

TEST_F(ReaderTest, a_place_that_is_no_line_is_refused_and_an_empty_file_has_its_begin) {
  EXPECT_TRUE(reader().before(0, 10)->begin);
  add(record("k", "o"));
  for (std::uint64_t bad : {std::uint64_t{1}, file_->bytes() - 1, file_->bytes() + 1}) {
    auto piece = reader().before(bad, 10);
    ASSERT_FALSE(piece.ok()) << bad;
    EXPECT_EQ(piece.error().code, Errc::invalid_query) << bad;
  }
}

}  // namespace
}  // namespace reachback::server
