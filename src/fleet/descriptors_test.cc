#include "fleet/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

namespace reachback::fleet {
namespace {

constexpr auto kOne = static_cast<std::int64_t>(kDescriptorsOfOrder);

TEST(Descriptors, MoreAgentsThanTheLimitAllowsAreRefusedWithItsNumbers) {
  const std::uint64_t most = 20'000 - kOwnDescriptors - kDescriptorsForWork;
  EXPECT_EQ(descriptors_left(most, 20'000).value(), kDescriptorsForWork);
  const auto refused = descriptors_left(most + 1, 20'000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::too_large);
  for (const std::string& part : {std::string("20000"), std::string("RLIMIT_NOFILE"),
                                  std::to_string(most), std::to_string(most + 1)}) {
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  }
  EXPECT_FALSE(descriptors_left(1, 10).ok());
}

TEST(Descriptors, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lower{before.rlim_max / 2, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  EXPECT_EQ(raise_descriptor_limit().value(), before.rlim_max);
  rlimit after{};
  ::getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
}

class Budget : public ::testing::Test {
 protected:
  void take(int number, const void* owner = nullptr) {
    budget_.take(owner, [this, number] { begun_.push_back(number); });
  }
  DescriptorBudget budget_{2 * kOne};
  std::vector<int> begun_;
};

TEST_F(Budget, WhatDoesNotFitWaitsInItsOrder) {
  for (const int number : {1, 2, 3, 4}) {
    take(number);
  }
  EXPECT_EQ(begun_, (std::vector<int>{1, 2}));
  budget_.give();
  EXPECT_EQ(begun_, (std::vector<int>{1, 2, 3}));
  budget_.give();
  EXPECT_EQ(begun_, (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(Budget, WhoIsForgottenNeverBegins) {
  const int owner = 0;
  take(1);
  take(2);
  take(3, &owner);
  take(4);
  budget_.forget(&owner);
  budget_.give();
  EXPECT_EQ(begun_, (std::vector<int>{1, 2, 4}));
}

TEST_F(Budget, ConnectionsAreMadeWhateverIsFreeAndHoldOrdersBack) {
  for (std::int64_t i = 0; i < 2 * kOne; ++i) {
    budget_.use();
  }
  budget_.use();
  EXPECT_LT(budget_.free(), 0);
  take(1);
  for (std::int64_t i = 0; i < kOne; ++i) {
    budget_.unuse();
  }
  EXPECT_TRUE(begun_.empty());
  budget_.unuse();
  EXPECT_EQ(begun_, (std::vector<int>{1}));
}

TEST_F(Budget, WhatGivesBackAtOnceMakesRoomForAllThatWait) {
  for (int i = 0; i < 100; ++i) {
    budget_.take(nullptr, [this] {
      begun_.push_back(0);
      budget_.give();
    });
  }
  EXPECT_EQ(begun_.size(), 100u);
  EXPECT_EQ(budget_.free(), 2 * kOne);
}

}  // namespace
}  // namespace reachback::fleet
