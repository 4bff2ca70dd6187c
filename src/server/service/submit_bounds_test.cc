// What bounds a submit: the sessions of a tenant, and one key under way twice. Numbers are those of
// docs/bad-input.md.
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "server/service/live_response.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

class SubmitBoundsTest : public ::testing::Test {
 protected:
  SubmitBoundsTest() {
    limits_.active_max = 25;
    live_ = LiveResponse::create(
        LiveResponseDeps{stores_.actions(), stores_.machines(), stores_.library(), blobs_, notify_,
                         links_, signer_, audit_, scheduler_, clock_, clock_, random_},
        limits_, std::string(32, 'k'));
  }
  Principal operator_of(char tenant) {
    Principal by;
    by.tenant = *TenantId::from_bytes(std::string(16, tenant));
    by.caller = by.requestor = "app";
    EXPECT_TRUE(
        wait_for([&](auto d) { stores_.apps().add_tenant(Tenant{by.tenant, {tenant}}, d); }).ok());
    return by;
  }
  MachineId machine(const Principal& by, int number) {
    EnrollmentToken token;
    token.tenant = by.tenant;
    token.token = crypto::sha256(by.tenant.text() + std::to_string(number));
    token.expires = clock_.now() + std::chrono::hours(1);
    token.uses_left = 1;
    EXPECT_TRUE(wait_for([&](auto d) { stores_.apps().add_token(token, d); }).ok());
    Machine m;
    m.public_key = "key of " + by.tenant.text() + std::to_string(number);
    m.id = MachineId::from_key_digest(crypto::sha256(m.public_key));
    m.name = "web-" + std::to_string(number);
    m.os_platform = "Linux";
    EXPECT_TRUE(wait_for<Machine>([&](auto d) {
                  stores_.machines().enroll(token.token, m, clock_.now(), d);
                }).ok());
    return m.id;
  }
  static SubmitRequest get_file(const MachineId& machine) {
    SubmitRequest r;
    r.machine = machine;
    SubmitCommand c;
    c.type = action::CommandType::get_file;
    c.path = "/etc/hostname";
    c.params = {{"Path", c.path}};
    r.commands = {c};
    return r;
  }
  Result<action::Action> submit(const Principal& by, SubmitRequest r) {
    return wait_for<action::Action>([&](auto d) { live_->submit(by, std::move(r), d); });
  }

  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  testing::FakeStores stores_;
  testing::FakeBlobStore blobs_;
  testing::FakeNotifier notify_;
  testing::FakeAgentLinks links_;
  testing::FakeSigner signer_;
  testing::FakeAudit audit_;
  testing::FakeScheduler scheduler_;
  LiveResponseLimits limits_;
  std::unique_ptr<LiveResponse> live_;
};

// 5.2 18.
TEST_F(SubmitBoundsTest, one_session_more_than_the_tenant_may_have_is_refused_until_one_has_ended) {
  const Principal by = operator_of('t'), other = operator_of('o');
  std::vector<ActionId> unfinished;
  for (int i = 0; i < 25; ++i) {
    auto a = submit(by, get_file(machine(by, i)));
    ASSERT_TRUE(a.ok()) << i << ": " << a.error().message;
    unfinished.push_back(a->id);
  }
  const MachineId last = machine(by, 25);
  EXPECT_EQ(submit(by, get_file(last)).error().code, Errc::too_many_requests);
  EXPECT_TRUE(submit(other, get_file(machine(other, 0))).ok()) << "counted for each tenant";
  ASSERT_TRUE(
      wait_for<action::Action>([&](auto d) { live_->cancel(by, unfinished[7], "room", d); }).ok());
  EXPECT_TRUE(submit(by, get_file(last)).ok());
}

// 5.2 19: docs/compatibility.md has the second wait for the first one's commit.
TEST_F(SubmitBoundsTest, one_key_twice_at_once_is_one_action_for_both) {
  const Principal by = operator_of('t');
  SubmitRequest r = get_file(machine(by, 0));
  r.idempotency_key = IdempotencyKey{"app", "k", crypto::sha256("body")};
  std::vector<Result<action::Action>> answers;
  auto keep = [&](Result<action::Action> a) { answers.push_back(std::move(a)); };
  stores_.actions().faults().hold();
  live_->submit(by, r, keep);
  live_->submit(by, r, keep);
  r.idempotency_key->body = crypto::sha256("other");
  live_->submit(by, r, keep);
  while (stores_.actions().faults().held() > 0) {
    stores_.actions().faults().deliver();
  }
  stores_.actions().faults().release();
  ASSERT_EQ(answers.size(), 3u);
  std::vector<ActionId> ids;
  for (const auto& answer : answers) {
    if (answer) {
      ids.push_back(answer->id);
    } else {
      EXPECT_EQ(answer.error().code, Errc::mismatch) << answer.error().message;
    }
  }
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(ids[0], ids[1]);
}

}  // namespace
}  // namespace reachback::server
