// The power goes at every step of a workload, and after each restart every acknowledged write is
// there, nothing is half-done and the file is whole.
#include <gtest/gtest.h>

#include "server/store_sqlite/power_loss_fixture.h"
#include "testing/conformance_stores.h"

namespace reachback::server {
namespace {

using testing::CrashVfs;

// Power loss at step k of a workload, and again at a random step of the next life.
std::string run_once(std::uint64_t seed, std::uint64_t k, CrashVfs::Loss loss, bool synced,
                     bool& reached, std::size_t& acknowledged) {
  Workload w(seed, synced);
  std::string why = w.begin();
  if (!why.empty()) {
    return why;
  }
  for (std::uint64_t step : {k, 1 + (k * 7919) % 150}) {
    w.vfs().cut_power_at(step);
    w.work(12);
    reached = step == k ? w.vfs().power_is_off() : reached;
    w.close();
    w.vfs().restart(loss);
    why = w.check();
    if (!why.empty()) {
      return "seed " + std::to_string(seed) + ", power loss at step " + std::to_string(step) +
             " (first: " + std::to_string(k) + "): " + why;
    }
    why = w.open();
    if (!why.empty()) {
      return why;
    }
  }
  acknowledged += w.acknowledged();
  return "";
}

class PowerLoss : public ::testing::TestWithParam<CrashVfs::Loss> {};

TEST_P(PowerLoss, at_any_step_no_acknowledged_write_is_lost_and_nothing_is_half_done) {
  constexpr std::uint64_t kStepsMax = 5000;
  bool reached = true;
  std::uint64_t k = 0;
  std::size_t acknowledged = 0;
  while (reached && k < kStepsMax) {
    ++k;
    ASSERT_EQ(run_once(/*seed=*/11, k, GetParam(), /*synced=*/true, reached, acknowledged), "");
  }
  EXPECT_FALSE(reached) << "the workload does not end";
  EXPECT_GT(k, 100u);
  std::printf("power lost at %llu steps, %zu writes acknowledged, 0 lost\n",
              static_cast<unsigned long long>(k - 1), acknowledged);
}

TEST_P(PowerLoss, with_many_seeds_no_acknowledged_write_is_lost) {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 100; seed < 160; ++seed) {
    bool reached = false;
    ASSERT_EQ(run_once(seed, 1 + (seed * 31) % 300, GetParam(), true, reached, acknowledged), "");
  }
}

// The test can fail: without syncs it does, at most steps.
TEST_P(PowerLoss, without_syncs_the_loss_is_seen) {
  int seen = 0;
  for (std::uint64_t k = 50; k < 70; ++k) {
    bool reached = false;
    std::size_t acknowledged = 0;
    seen += run_once(11, k, GetParam(), /*synced=*/false, reached, acknowledged).empty() ? 0 : 1;
  }
  EXPECT_GT(seen, 10);
}

INSTANTIATE_TEST_SUITE_P(Loss, PowerLoss,
                         ::testing::Values(CrashVfs::Loss::all, CrashVfs::Loss::random),
                         [](const auto& loss) {
                           return loss.param == CrashVfs::Loss::all ? "all" : "random";
                         });

TEST(PowerLossAtCreation, a_half_made_database_is_never_taken_for_a_whole_one) {
  for (auto loss : {CrashVfs::Loss::all, CrashVfs::Loss::random}) {
    bool made = false;
    for (std::uint64_t k = 1; !made; ++k) {
      ASSERT_LT(k, 1000u);
      CrashVfs vfs(k);
      SqliteStoreOptions options;
      options.path = "db";
      options.vfs = vfs.name();
      vfs.cut_power_at(k);
      made = SqliteStore::create(options).ok();
      vfs.restart(loss);
      auto store = SqliteStore::open(options);
      if (made) {
        EXPECT_OK(store);
      }
      if (store) {
        continue;
      }
      EXPECT_TRUE(store.error().code == Errc::not_found || store.error().code == Errc::corrupt)
          << store.error().message;
      ASSERT_OK(SqliteStore::create(options)) << "after power loss at step " << k;
      EXPECT_OK(SqliteStore::open(options));
    }
  }
}

}  // namespace
}  // namespace reachback::server
