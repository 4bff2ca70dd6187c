// The grant of a connected machine's action goes to disk in the commit of its insert.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "crypto/digest.h"
#include "server/service/live_response.h"
#include "server/store_sqlite/store_sqlite.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

class OneCommit : public ::testing::TestWithParam<std::size_t> {
 protected:
  OneCommit() {
    SqliteStoreOptions options;
    options.path = folder_ / "db";
    options.group_max = GetParam();
    // Asked once for each transaction.
    options.free_bytes = [this]() -> std::uint64_t {
      ++transactions_;
      transactions_.notify_all();
      held_.wait(true);
      return UINT64_MAX;
    };
    EXPECT_TRUE(SqliteStore::create(options).ok());
    store_ = std::move(*SqliteStore::open(options));
    EXPECT_TRUE(wait_for([&](auto d) { store_->apps().add_tenant(Tenant{tenant_, "t"}, d); }).ok());
    add_token("token");
    Machine m;
    m.public_key = "key";
    m.id = MachineId::from_key_digest(crypto::sha256(m.public_key));
    m.name = "web-01";
    m.first_seen = m.last_seen = clock_.now();
    EXPECT_TRUE(wait_for<Machine>([&](auto d) {
                  store_->machines().enroll(crypto::sha256("token"), m, clock_.now(), d);
                }).ok());
    machine_ = m.id;
    const std::string blob(32, 'b');
    EXPECT_TRUE(wait_for<BlobInfo>([&](auto d) { blobs_.put(tenant_, blob, "true", d); }).ok());
    LibraryFile f;
    f.tenant = tenant_;
    f.name = "t.sh";
    f.sha256 = crypto::sha256("true");
    f.bytes = 4;
    f.blob = blob;
    f.created = f.updated = clock_.now();
    EXPECT_TRUE(wait_for<LibraryFile>([&](auto d) { store_->library().put(f, false, d); }).ok());
    Claim claim;
    claim.tenant = tenant_;
    claim.machine = machine_;
    claim.generation = *JournalGeneration::from_bytes(std::string(16, 'g'));
    claim.session = std::string(16, 's');
    links_.connect(claim);
  }

  EnrollmentToken token(const std::string& text) {
    EnrollmentToken t;
    t.tenant = tenant_;
    t.token = crypto::sha256(text);
    t.created = clock_.now();
    t.expires = clock_.now() + std::chrono::hours(1);
    t.uses_left = 1;
    return t;
  }
  void add_token(const std::string& text) {
    EXPECT_TRUE(wait_for([&](auto d) { store_->apps().add_token(token(text), d); }).ok());
  }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  std::atomic<int> transactions_{0};
  std::atomic<bool> held_{false};
  TenantId tenant_ = *TenantId::from_bytes(std::string(16, 't'));
  MachineId machine_;
  testing::FakeBlobStore blobs_;
  testing::FakeNotifier notify_;
  testing::FakeAgentLinks links_;
  testing::FakeSigner signer_;
  testing::FakeAudit audit_;
  testing::FakeScheduler scheduler_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_P(OneCommit, CarriesInsertAndGrant) {
  auto live = LiveResponse::create(
      LiveResponseDeps{store_->actions(), store_->machines(), store_->library(), blobs_, notify_,
                       links_, signer_, audit_, scheduler_, clock_, clock_, random_},
      {}, std::string(32, 'k'));
  // The writer is held in a transaction of its own until everything is queued.
  const int before = transactions_;
  held_ = true;
  std::promise<void> first;
  store_->apps().add_token(token("other"), [&](Result<void>) { first.set_value(); });
  while (transactions_ == before) {
    std::this_thread::yield();
  }
  Principal by;
  by.tenant = tenant_;
  by.requestor = "app";
  SubmitRequest request;
  request.machine = machine_;
  SubmitCommand command;
  command.file_name = "t.sh";
  request.commands = {command};
  std::promise<Result<action::Action>> accepted;
  live->submit(by, request, [&](Result<action::Action> a) { accepted.set_value(std::move(a)); });
  held_ = false;
  held_.notify_all();
  first.get_future().get();
  EXPECT_TRUE(accepted.get_future().get().ok());
  ASSERT_TRUE(store_->close().ok());
  EXPECT_EQ(links_.pushed.size(), 1u);
  const int expected = GetParam() == 1 ? 2 : 1;
  EXPECT_EQ(transactions_ - before, 1 + expected);
}

INSTANTIATE_TEST_SUITE_P(Groups, OneCommit, ::testing::Values(1, 256));

}  // namespace
}  // namespace reachback::server
