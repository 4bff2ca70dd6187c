#include "server/service/used_assertions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "crypto/digest.h"
#include "server/service/app_rates.h"

namespace reachback::server {
namespace {

using std::chrono::seconds;

const Timestamp kNow = from_micros(1'767'225'600'000'000);
const TenantId kTenant = *TenantId::from_bytes(std::string(16, 't'));
const TenantId kOther = *TenantId::from_bytes(std::string(16, 'u'));
const AppId kApp = *AppId::from_bytes(std::string(16, 'a'));
const AppId kSecond = *AppId::from_bytes(std::string(16, 'b'));
const Sha256 kOne = crypto::sha256("1"), kTwo = crypto::sha256("2"), kThree = crypto::sha256("3");

std::optional<Errc> code(const Result<void>& r) {
  return r ? std::nullopt : std::optional(r.error().code);
}

TEST(UsedAssertions, each_counts_once_for_its_application_until_it_expires) {
  UsedAssertions used(10);
  EXPECT_EQ(code(used.use(kTenant, kApp, kOne, kNow + seconds(10), kNow)), std::nullopt);
  EXPECT_EQ(code(used.use(kTenant, kApp, kOne, kNow + seconds(10), kNow)), Errc::invalid_assertion);
  EXPECT_EQ(code(used.use(kTenant, kApp, kOne, kNow + seconds(99), kNow + seconds(9))),
            Errc::invalid_assertion);
  EXPECT_EQ(code(used.use(kTenant, kApp, kTwo, kNow + seconds(10), kNow)), std::nullopt);
  EXPECT_EQ(code(used.use(kTenant, kSecond, kOne, kNow + seconds(10), kNow)), std::nullopt);
  EXPECT_EQ(code(used.use(kOther, kApp, kOne, kNow + seconds(10), kNow)), std::nullopt);
  EXPECT_EQ(used.size(), 4u);
  EXPECT_EQ(code(used.use(kTenant, kApp, kThree, kNow + seconds(20), kNow + seconds(10))),
            std::nullopt);
  EXPECT_EQ(used.size(), 1u) << "what has expired is forgotten";
}

TEST(UsedAssertions, when_there_is_no_room_a_new_one_is_refused_and_none_forgotten) {
  UsedAssertions used(2);
  EXPECT_EQ(code(used.use(kTenant, kApp, kOne, kNow + seconds(10), kNow)), std::nullopt);
  EXPECT_EQ(code(used.use(kTenant, kApp, kTwo, kNow + seconds(20), kNow)), std::nullopt);
  EXPECT_EQ(code(used.use(kTenant, kApp, kThree, kNow + seconds(20), kNow)),
            Errc::too_many_requests);
  EXPECT_EQ(code(used.use(kTenant, kApp, kOne, kNow + seconds(10), kNow)), Errc::invalid_assertion);
  EXPECT_EQ(code(used.use(kTenant, kSecond, kThree, kNow + seconds(20), kNow)), std::nullopt)
      << "another application has room of its own";
  EXPECT_EQ(code(used.use(kTenant, kApp, kThree, kNow + seconds(20), kNow + seconds(10))),
            std::nullopt);
}

TEST(UsedAssertions, of_many_at_once_one_is_taken) {
  UsedAssertions used(10);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { taken += used.use(kTenant, kApp, kOne, kNow + seconds(10), kNow).ok() ? 1 : 0; });
  }
  for (std::thread& t : threads) {
    t.join();
  }
  EXPECT_EQ(taken, 1);
}

TEST(AppRates, are_those_of_one_application_in_its_tenant) {
  AppRates rates;
  EXPECT_EQ(rates.factor_of(kTenant, kApp.text()), 1u);
  rates.set(kTenant, kApp, 10);
  rates.set(kTenant, kSecond, 0);
  EXPECT_EQ(rates.factor_of(kTenant, kApp.text()), 10u);
  EXPECT_EQ(rates.factor_of(kTenant, kSecond.text()), 0u);
  EXPECT_EQ(rates.factor_of(kOther, kApp.text()), 1u);
  EXPECT_EQ(rates.factor_of(kTenant, "https://issuer.example|" + kApp.text()), 1u);
  rates.set(kTenant, kApp, 1);
  EXPECT_EQ(rates.factor_of(kTenant, kApp.text()), 1u);
}

}  // namespace
}  // namespace reachback::server
