// Finding machines by address, and changing them.
#include <gtest/gtest.h>

#include "server/service/machines.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using std::chrono::minutes;
using testing::wait_for;

class FindMachines : public ::testing::Test {
 protected:
  FindMachines() {
    by_.tenant = *TenantId::from_bytes(std::string(16, 't'));
    EXPECT_TRUE(wait_for([&](auto d) {
                  stores_.apps().add_tenant(Tenant{by_.tenant, "default"}, d);
                }).ok());
  }
  // Enrolled now, with 10.0.0.1.
  Machine enrolled() {
    EnrollmentToken token{by_.tenant, Sha256{1}, clock_.now() + minutes(1), 1, {}, clock_.now()};
    EXPECT_TRUE(wait_for([&](auto d) { stores_.apps().add_token(token, d); }).ok());
    Machine m;
    m.id = testing::sample_machine_id(random_);
    m.public_key = "key";
    m.name = "web-01";
    m.addresses = {{"10.0.0.1", "", {}, {}}};
    m.first_seen = m.last_seen = clock_.now();
    return *wait_for<Machine>(
        [&](auto d) { stores_.machines().enroll(token.token, m, clock_.now(), d); });
  }
  std::size_t found(Timestamp at) {
    return wait_for<std::vector<MachineView>>(
               [&](auto d) { machines_->find_by_ip(by_, "10.0.0.1", at, 10, d); })
        ->size();
  }

  Principal by_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  testing::FakeStores stores_;
  testing::FakeAgentLinks links_;
  DeviceGroups groups_;
  std::unique_ptr<Machines> machines_ =
      Machines::create(stores_.machines(), links_, clock_, groups_);
};

TEST_F(FindMachines, AMachineIsFoundByItsAddressAQuarterOfAnHourAround) {
  const Timestamp at = clock_.now();
  Machine m = enrolled();
  EXPECT_EQ(found(at), 1u);
  EXPECT_EQ(found(at - minutes(15)), 1u);
  EXPECT_EQ(found(at - minutes(16)), 0u);
  EXPECT_EQ(found(at + minutes(15)), 1u);
  // It has the address still, as far as is known, but nobody saw it since.
  EXPECT_EQ(found(at + minutes(16)), 0u);
  EXPECT_TRUE(wait_for([&](auto d) {
                stores_.machines().seen(by_.tenant, m.id, at + minutes(60), d);
              }).ok());
  EXPECT_EQ(found(at + minutes(75)), 1u);
  EXPECT_EQ(found(at + minutes(76)), 0u);
  Claim claim;
  claim.machine = m.id;
  links_.connect(claim);
  EXPECT_EQ(found(at + minutes(500)), 1u);
}

TEST_F(FindMachines, AChangeOfAMachineThatIsNotThereNamesIt) {
  Machine m = enrolled();
  const MachineId unknown = testing::sample_machine_id(random_);
  auto change = [&](std::vector<MachineId> ids) {
    MachineChange add;
    add.add_tags = {"a"};
    add.tags_max = 1;
    return wait_for<std::vector<MachineView>>(
        [&](auto d) { machines_->change(by_, ids, add, "machine_changed", d); });
  };
  auto refused = change({unknown});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_EQ(refused.error().message, "Machine " + unknown.text() + " was not found");
  refused = change({m.id, unknown});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find(unknown.text()), std::string::npos);
  EXPECT_EQ((*change({m.id}))[0].machine.tags, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace reachback::server
