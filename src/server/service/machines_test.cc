// Lists of machines: who is active is judged when it is asked, as it is shown.
#include "server/service/machines.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "server/odata/parser.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using std::chrono::hours;
using testing::wait_for;

class MachinesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    by_.tenant = TenantId::make(random_);
    EnrollmentToken token;
    token.tenant = by_.tenant;
    token.token = crypto::sha256("token");
    token.expires = clock_.now() + hours(1000);
    token.uses_left = 10;
    token.created = clock_.now();
    ASSERT_TRUE(wait_for([&](auto done) { stores_.apps().add_token(token, done); }).ok());
  }
  Machine enrolled(const std::string& name) {
    Enrollment request;
    request.token = "token";
    request.public_key = random_.bytes(44);
    request.host_name = name;
    request.os_platform = "Linux";
    auto machine = wait_for<Machine>([&](auto done) { machines_->enroll(request, done); });
    EXPECT_TRUE(machine.ok());
    return *machine;
  }
  // The names of those that fit, in the list's order.
  std::string listed(const std::string& filter) {
    odata::Query query = odata::everything(machine_entity(), 0, 10);
    query.filter = *odata::parse_filter(machine_entity(), filter, {1000, 8, 8, 8, 8});
    auto page = wait_for<Page<MachineView>>(
        [&](auto done) { machines_->list(by_, query, hours(7 * 24), {}, done); });
    EXPECT_TRUE(page.ok());
    std::string out;
    for (const MachineView& view : page->items) {
      out += view.machine.name + (view.connected ? "+ " : " ");
    }
    return out;
  }

  testing::SeededRandom random_{5};
  testing::FakeClock clock_;
  testing::FakeStores stores_;
  testing::FakeAgentLinks links_;
  DeviceGroups groups_;
  std::unique_ptr<Machines> machines_ =
      Machines::create(stores_.machines(), links_, clock_, groups_);
  Principal by_;
};

TEST_F(MachinesTest, a_connected_machine_is_active_however_long_ago_it_was_seen) {
  const Machine silent = enrolled("silent"), connected = enrolled("connected");
  Claim claim;
  claim.tenant = by_.tenant;
  claim.machine = connected.id;
  links_.connect(claim);
  clock_.advance(hours(8 * 24));
  const Machine fresh = enrolled("fresh");
  EXPECT_EQ(listed("healthStatus eq 'Active'"), "connected+ fresh ");
  EXPECT_EQ(listed("healthStatus eq 'Inactive'"), "silent ");
  links_.disconnect(connected.id);
  EXPECT_EQ(listed("healthStatus ne 'Active' and lastSeen lt " + format_time(clock_.now())),
            listed("healthStatus eq 'Inactive'"));
  ASSERT_TRUE(wait_for([&](auto done) {
                stores_.machines().set_quarantine(by_.tenant, fresh.id,
                                                  Quarantine{clock_.now(), "clone"}, done);
              }).ok());
  EXPECT_EQ(listed("healthStatus eq 'ImpairedCommunication'"), "fresh ");
  EXPECT_EQ(listed("healthStatus eq 'Active'"), "");
}

}  // namespace
}  // namespace reachback::server
