#include "server/service/refusal_tally.h"

#include <gtest/gtest.h>

#include "testing/fake_clock.h"
#include "testing/fake_links.h"

namespace reachback::server {
namespace {

class RefusalTallyTest : public ::testing::Test {
 protected:
  testing::FakeClock clock_{*parse_time("2026-01-01T00:00:00Z")};
  testing::FakeAudit audit_;
  testing::FakeScheduler scheduler_;
  RefusalTally tally_{audit_, scheduler_, clock_};
};

TEST_F(RefusalTallyTest, a_minute_of_refusals_is_one_record_an_address) {
  for (int i = 0; i < 1000; ++i) {
    tally_.note(TenantId(), "sign_in_refused", i % 2 == 0 ? "192.0.2.1" : "192.0.2.2");
  }
  EXPECT_TRUE(audit_.records.empty()) << "nothing is written at once";
  scheduler_.pass(RefusalTally::kEvery);
  ASSERT_EQ(audit_.records.size(), 2u);
  EXPECT_EQ(audit_.records[0].object, "500 times since 2026-01-01T00:00:00Z");
  EXPECT_EQ(audit_.records[0].peer_ip, "192.0.2.1");
  scheduler_.pass(RefusalTally::kEvery);
  EXPECT_EQ(audit_.records.size(), 2u) << "what was told is not told again";
  tally_.note(TenantId(), "sign_in_refused", "192.0.2.1");
  scheduler_.pass(RefusalTally::kEvery);
  EXPECT_EQ(audit_.records.size(), 3u);
}

TEST_F(RefusalTallyTest, many_addresses_make_a_bounded_number_of_records) {
  for (int i = 0; i < 10'000; ++i) {
    tally_.note(TenantId(), "enrollment_refused", "address " + std::to_string(i));
  }
  tally_.flush();
  ASSERT_EQ(audit_.records.size(), RefusalTally::kAddressesMax + 1);
  std::uint64_t total = 0;
  for (const AccessRecord& record : audit_.records) {
    total += std::stoull(record.object);
  }
  EXPECT_EQ(total, 10'000u);
}

}  // namespace
}  // namespace reachback::server
