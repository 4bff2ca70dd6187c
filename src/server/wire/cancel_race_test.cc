// Cancel against grant, on the real store and with real threads. Source: trust.md §5.4.13.
#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "server/service/live_response.h"
#include "server/store_sqlite/store_sqlite.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

// Any thread may push.
class CountingLinks : public AgentLinks {
 public:
  std::optional<Claim> claim(const MachineId&) const override {
    MutexLock lock(mutex_);
    return claim_;
  }
  std::vector<MachineId> online(const TenantId&) const override { return {}; }
  bool push(const MachineId&, const pb::ToAgent& message) override {
    MutexLock lock(mutex_);
    if (message.has_execute_order()) {
      pb::Order order;
      order.ParseFromString(message.execute_order().order().order());
      ordered_.insert(order.action());
    }
    return true;
  }
  void read_output(const MachineId&, pb::ReadOutput, Done<pb::OutputPiece> done) override {
    done(Error{Errc::unavailable, "nobody is there"});
  }
  void type_input(const MachineId&, pb::TerminalInput, Done<pb::TerminalTaken> done) override {
    done(Error{Errc::unavailable, "nobody is there"});
  }
  void suspect(const MachineId&, const std::string&, std::string why) override {
    ADD_FAILURE() << why;
  }
  void set(std::optional<Claim> claim) {
    MutexLock lock(mutex_);
    claim_ = std::move(claim);
  }
  bool was_ordered(const ActionId& id) const {
    MutexLock lock(mutex_);
    return ordered_.contains(std::string(id.bytes()));
  }

 private:
  mutable Mutex mutex_;
  std::optional<Claim> claim_ RB_GUARDED_BY(mutex_);
  std::set<std::string> ordered_ RB_GUARDED_BY(mutex_);
};

constexpr int kRacesUsually = 300;
// REACHBACK_RACES=100000 asks for more than a test run has time for.
int races_wanted() {
  const char* text = std::getenv("REACHBACK_RACES");
  int races = kRacesUsually;
  if (text != nullptr) {
    std::from_chars(text, text + std::char_traits<char>::length(text), races);
  }
  return races;
}

TEST(CancelRace, ends_cancelled_without_an_order_or_in_progress_with_the_request) {
  testing::TemporaryFolder folder;
  SqliteStoreOptions options;
  options.path = folder / "db";
  ASSERT_TRUE(SqliteStore::create(options).ok());
  auto store = SqliteStore::open(options);
  ASSERT_TRUE(store.ok());
  testing::FakeClock clock;
  crypto::SystemRandom random;
  testing::FakeBlobStore blobs;
  testing::FakeNotifier notify;
  CountingLinks links;
  testing::FakeSigner signer;
  testing::FakeAudit audit;
  testing::FakeScheduler scheduler;
  auto live = LiveResponse::create(
      LiveResponseDeps{(*store)->actions(), (*store)->machines(), (*store)->library(), blobs,
                       notify, links, signer, audit, scheduler, clock, clock, random},
      {}, std::string(32, 'k'));

  Principal by;
  by.tenant = TenantId::make(random);
  by.caller = by.requestor = "app";
  ASSERT_TRUE(
      wait_for([&](auto d) { (*store)->apps().add_tenant(Tenant{by.tenant, "default"}, d); }).ok());
  EnrollmentToken token;
  token.tenant = by.tenant;
  token.token = crypto::sha256("token");
  token.expires = clock.now() + std::chrono::hours(1);
  ASSERT_TRUE(wait_for([&](auto d) { (*store)->apps().add_token(token, d); }).ok());
  Machine machine;
  machine.public_key = "key";
  machine.id = MachineId::from_key_digest(crypto::sha256("key"));
  machine.name = "web-01";
  machine.first_seen = machine.last_seen = clock.now();
  ASSERT_TRUE(wait_for<Machine>([&](auto d) {
                (*store)->machines().enroll(token.token, machine, clock.now(), d);
              }).ok());
  const std::string blob(32, 'b');
  ASSERT_TRUE(wait_for<BlobInfo>([&](auto d) { blobs.put(by.tenant, blob, "true", d); }).ok());
  LibraryFile file;
  file.tenant = by.tenant;
  file.name = "t.sh";
  file.sha256 = crypto::sha256("true");
  file.bytes = 4;
  file.blob = blob;
  file.created = file.updated = clock.now();
  ASSERT_TRUE(wait_for<LibraryFile>([&](auto d) { (*store)->library().put(file, false, d); }).ok());
  Claim claim;
  claim.tenant = by.tenant;
  claim.machine = machine.id;
  claim.generation = JournalGeneration::make(random);
  claim.session = std::string(16, 's');

  std::vector<ActionId> cancelled;
  int granted = 0;
  const int races = races_wanted();
  for (int race = 0; race < races; ++race) {
    links.set(std::nullopt);
    SubmitRequest request;
    request.machine = machine.id;
    SubmitCommand command;
    command.file_name = "t.sh";
    request.commands = {command};
    auto a = wait_for<action::Action>([&](auto d) { live->submit(by, request, d); });
    ASSERT_TRUE(a.ok()) << a.error().message;
    links.set(claim);
    std::thread dispatcher([&] { live->dispatch(by.tenant, machine.id); });
    std::promise<Result<action::Action>> answer;
    if (race % 2 == 0) {
      std::this_thread::yield();
    }
    live->cancel(by, a->id, "stop",
                 [&](Result<action::Action> r) { answer.set_value(std::move(r)); });
    dispatcher.join();
    auto now = wait_for<action::Action>([&](auto d) { live->get(by, a->id, d); });
    for (int i = 0; i < 5000 && now->status != action::Status::cancelled &&
                    !(now->cancellation && links.was_ordered(a->id));
         ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      now = wait_for<action::Action>([&](auto d) { live->get(by, a->id, d); });
    }
    if (now->status == action::Status::cancelled) {
      cancelled.push_back(a->id);
    } else {
      ++granted;
      ASSERT_EQ(now->status, action::Status::in_progress);
      ASSERT_TRUE(now->cancellation.has_value());
      ASSERT_TRUE(links.was_ordered(a->id));
      ASSERT_TRUE(wait_for<action::Verdict>([&](auto d) {
                    live->agent_event(by.tenant, machine.id, a->id,
                                      action::CancelConfirmed{now->epoch, claim.generation}, d);
                  }).ok());
    }
    auto told = answer.get_future().get();
    ASSERT_TRUE(told.ok());
    EXPECT_EQ(told->status, action::Status::cancelled);
  }
  for (const ActionId& id : cancelled) {
    EXPECT_FALSE(links.was_ordered(id));
  }
  EXPECT_EQ(granted + static_cast<int>(cancelled.size()), races);
  if (races > kRacesUsually) {
    std::printf("%d races: the grant was first in %d, the cancel in %zu\n", races, granted,
                cancelled.size());
  }
  RecordProperty("granted_first", granted);
  RecordProperty("cancelled_first", static_cast<int>(cancelled.size()));
  EXPECT_TRUE((*store)->close().ok());
}

}  // namespace
}  // namespace reachback::server
