#include "testing/fake_stores.h"

#include "testing/conformance_action_store.h"
#include "testing/conformance_app_store.h"
#include "testing/conformance_library_store.h"
#include "testing/conformance_lists.h"
#include "testing/conformance_machine_store.h"
#include "testing/conformance_user_store.h"

namespace reachback::testing {
namespace {

class FakeUnderTest : public StoresUnderTest {
 public:
  server::ActionStore& actions() override { return stores_.actions(); }
  server::MachineStore& machines() override { return stores_.machines(); }
  server::LibraryStore& library() override { return stores_.library(); }
  server::AppStore& apps() override { return stores_.apps(); }
  server::UserStore& users() override { return stores_.users(); }

 private:
  FakeStores stores_;
};

const StoresMaker kFake{"fake", [] { return std::make_unique<FakeUnderTest>(); }};

INSTANTIATE_TEST_SUITE_P(Fake, ActionStoreConformance, ::testing::Values(kFake));
INSTANTIATE_TEST_SUITE_P(Fake, MachineStoreConformance, ::testing::Values(kFake));
INSTANTIATE_TEST_SUITE_P(Fake, LibraryStoreConformance, ::testing::Values(kFake));
INSTANTIATE_TEST_SUITE_P(Fake, ListConformance, ::testing::Values(kFake));
INSTANTIATE_TEST_SUITE_P(Fake, AppStoreConformance, ::testing::Values(kFake));
INSTANTIATE_TEST_SUITE_P(Fake, UserStoreConformance, ::testing::Values(kFake));

class FakeFaults : public ::testing::Test {
 protected:
  Result<server::Inserted> insert(const action::Action& a) {
    return wait_for<server::Inserted>(
        [&](auto done) { stores_.actions().insert(a, {}, {}, sample_audit("accepted"), done); });
  }
  Result<action::Action> get(const action::Action& a) {
    return wait_for<action::Action>(
        [&](auto done) { stores_.actions().get(a.tenant, a.id, done); });
  }
  SeededRandom random_{1};
  FakeStores stores_;
  action::Action action_ =
      sample_action(random_, TenantId::make(random_), sample_machine_id(random_));
};

TEST_F(FakeFaults, a_failed_call_does_nothing) {
  stores_.actions().faults().fail_next(Error{Errc::storage_full, "full"});
  EXPECT_CODE(insert(action_), storage_full);
  EXPECT_CODE(get(action_), not_found);
  EXPECT_TRUE(stores_.actions().audit().empty());
}

TEST_F(FakeFaults, a_lost_reply_is_done_all_the_same) {
  stores_.actions().faults().lose_next_replies();
  EXPECT_CODE(insert(action_), unavailable);
  EXPECT_OK(get(action_));
}

TEST_F(FakeFaults, held_answers_come_in_any_order) {
  auto& faults = stores_.actions().faults();
  faults.hold();
  std::string order;
  stores_.actions().insert(action_, {}, {}, sample_audit("accepted"),
                           [&](const Result<server::Inserted>&) { order += 'a'; });
  stores_.actions().get(action_.tenant, action_.id,
                        [&](const Result<action::Action>& r) { order += r ? 'b' : '!'; });
  EXPECT_EQ(faults.held(), 2u);
  EXPECT_EQ(order, "");
  EXPECT_TRUE(faults.deliver(1));
  EXPECT_EQ(order, "b");
  faults.release();
  EXPECT_EQ(order, "ba");
  EXPECT_FALSE(faults.deliver());
}

TEST_F(FakeFaults, a_careless_caller_is_told) {
  auto with = [&](server::AuditEntry audit) {
    return wait_for<server::Inserted>(
        [&](auto done) { stores_.actions().insert(action_, {}, {}, audit, done); });
  };
  EXPECT_CODE(with({}), internal);
  EXPECT_CODE(with({sample_time(0), "accepted", "", ""}), internal);
  action_.machine = MachineId();
  EXPECT_CODE(insert(action_), internal);
}

}  // namespace
}  // namespace reachback::testing
