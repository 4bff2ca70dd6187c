// Both chains of one data folder and what ties them together. Each chain by itself is tested beside
// its source.
#include "server/wire/verify_audit.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "server/audit_file/audit_file.h"
#include "server/store_sqlite/sqlite.h"
#include "server/wire/audit_keeper.h"
#include "testing/fake_clock.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

class VerifyAudit : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_folder(paths_.dir + "/db").ok());
    ASSERT_TRUE(make_folder(paths_.dir + "/audit").ok());
    store_options_.path = paths_.database();
    ASSERT_TRUE(SqliteStore::create(store_options_).ok());
  }
  // One run of a server: some actions, some mints, then its end.
  void run(int actions) {
    auto store = SqliteStore::open(store_options_);
    ASSERT_TRUE(store.ok());
    AuditFileOptions options;
    options.path = paths_.audit();
    auto file = AuditFile::open(std::move(options));
    ASSERT_TRUE(file.ok()) << file.error().message;
    AuditKeeperOptions keep;
    keep.target = target_;
    AuditKeeper keeper(keep, **store, **file, clock_);
    for (int i = 0; i < actions; ++i) {
      ASSERT_TRUE(
          wait_for<Inserted>([&](auto done) {
            (*store)->actions().insert(
                testing::sample_action(random_, tenant_, testing::sample_machine_id(random_)), {},
                {}, testing::sample_audit("accepted"), done);
          }).ok());
      AccessRecord mint{clock_.now(), tenant_, "mint", "ann", "jti", "object", "200", "::1"};
      ASSERT_TRUE(wait_for([&](auto done) { (*file)->append(mint, done); }).ok());
    }
    keeper.finish();
    (*file)->close();
    ASSERT_TRUE((*store)->close().ok());
  }
  void sql(const char* text) {
    auto db = Db::open(paths_.database(), Db::Mode::read_write, "");
    ASSERT_TRUE(db.ok());
    auto done = (*db)->exec(text);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  std::string problem(const std::string& heads = "") {
    auto summary = verify_audit(paths_, heads);
    return summary ? "" : summary.error().message;
  }

  testing::TemporaryFolder folder_;
  DataPaths paths_{folder_ / "data"};
  SqliteStoreOptions store_options_;
  testing::FakeClock clock_{*parse_time("2026-01-01T00:00:00Z")};
  testing::SeededRandom random_{7};
  TenantId tenant_ = TenantId::make(random_);
  HeadTarget target_;
};

constexpr const char* kNoTriggers =
    "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;"
    "DROP TRIGGER audit_only_grows;";

TEST_F(VerifyAudit, a_whole_audit_is_told_with_its_counts) {
  run(3);
  run(2);
  auto summary = verify_audit(paths_, "");
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->database_rows, 5u);
  EXPECT_EQ(summary->links, summary->file_records - 5);
  EXPECT_GE(summary->links, 2u);
}

TEST_F(VerifyAudit, T44_the_end_of_the_database_is_kept_by_the_file) {
  run(3);
  sql((std::string(kNoTriggers) + "DELETE FROM audit WHERE seq = 3").c_str());
  EXPECT_NE(problem().find("audit row 3: the end is missing"), std::string::npos) << problem();
}

TEST_F(VerifyAudit, T44_a_changed_row_is_named) {
  run(3);
  sql((std::string(kNoTriggers) + "UPDATE audit SET principal = 'eve' WHERE seq = 2").c_str());
  EXPECT_NE(problem().find("audit row 2:"), std::string::npos) << problem();
}

TEST_F(VerifyAudit, T44_both_ends_are_kept_by_the_exported_heads) {
  target_ = *parse_head_target("file:" + (folder_ / "heads"));
  run(2);
  run(3);
  const std::string heads = folder_ / "heads";
  EXPECT_EQ(problem(heads), "");
  auto summary = verify_audit(paths_, heads);
  EXPECT_GE(summary->kept, 2u);
  // The last record of the file and the last row of the database, both gone: each chain is whole
  // and the newest link has gone with them.
  std::string bytes = *read_file(paths_.audit());
  auto cut = bytes.rfind('\n', bytes.rfind("database_head"));
  ASSERT_TRUE(write_file_durably(paths_.audit(), bytes.substr(0, cut + 1)).ok());
  sql((std::string(kNoTriggers) + "DELETE FROM audit WHERE seq = 5").c_str());
  EXPECT_EQ(problem(), "");
  EXPECT_NE(problem(heads).find("the end is missing"), std::string::npos) << problem(heads);
  ASSERT_TRUE(write_file_durably(paths_.audit(), bytes).ok());
  EXPECT_NE(problem(heads).find("audit row 5"), std::string::npos) << problem(heads);
}

TEST_F(VerifyAudit, a_file_without_heads_is_told) {
  run(1);
  ASSERT_TRUE(write_file_durably(folder_ / "heads", "nothing\n").ok());
  EXPECT_NE(problem(folder_ / "heads").find("holds no exported audit heads"), std::string::npos);
}

TEST(HeadExport, goes_to_the_system_log_as_one_datagram_that_verify_reads_again) {
  testing::TemporaryFolder folder;
  const std::string path = folder / "log";
  Fd receiver(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  AuditHeads heads{{3, Sha256{1}}, {7, Sha256{2}}};
  auto target = parse_head_target("syslog:" + path);
  ASSERT_TRUE(target.ok());
  ASSERT_TRUE(export_heads(*target, *parse_time("2026-01-01T00:00:00Z"), heads).ok());
  char text[1024];
  auto size = ::recv(receiver.get(), text, sizeof text, 0);
  ASSERT_GT(size, 0);
  std::string line(text, static_cast<std::size_t>(size));
  EXPECT_TRUE(line.starts_with("<85>reachback-server: audit heads {")) << line;
  EXPECT_EQ(parse_heads("Jan  1 00:00:00 host " + line + "\nother {\"file\":1}\n{\n"),
            std::vector<AuditHeads>{heads});
}

TEST(HeadExport, targets_are_a_few_words_and_absolute_paths) {
  EXPECT_EQ(parse_head_target("none")->kind, HeadTarget::Kind::none);
  EXPECT_EQ(parse_head_target("syslog")->path, "/dev/log");
  EXPECT_EQ(parse_head_target("file:/var/x")->path, "/var/x");
  for (const char* bad : {"", "file", "file:", "file:relative", "syslog:x", "http://x"}) {
    EXPECT_FALSE(parse_head_target(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace reachback::server
