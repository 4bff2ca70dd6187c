// A short run of the simulator: no seed breaks an invariant, the same seed is the same history, and
// a shortcut that leaves something out is noticed.
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/variant.h"
#include "world.h"

namespace reachback::sim {
namespace {

WorldOutcome world_of(std::uint64_t seed, bool excuse_quarantines = false) {
  set_log_level(LogLevel::off);
  WorldOptions options;
  options.seed = seed;
  options.excuse_quarantines = excuse_quarantines;
  return run_world(options);
}

std::string text(const WorldOutcome& world) {
  std::string out;
  for (const Violation& v : world.violations) {
    out += v.invariant + ": " + v.why + "\n";
  }
  return out;
}

TEST(Sim, TheSameSeedIsTheSameHistory) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    EXPECT_EQ(world_of(seed).digest, world_of(seed).digest) << seed;
  }
  EXPECT_NE(world_of(1).digest, world_of(2).digest);
}

// In parts, so that they can run beside each other.
class SimSeeds : public testing::TestWithParam<int> {};
TEST_P(SimSeeds, KeepEveryInvariant) {
  constexpr std::uint64_t kSeeds = 500;
  std::map<std::string, std::uint64_t> faults;
  for (std::uint64_t i = 1; i <= kSeeds; ++i) {
    const std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * kSeeds + i;
    const WorldOutcome world = world_of(seed);
    ASSERT_TRUE(world.violations.empty())
        << "see it again: ./dev sim --seed " << seed << " --trace\n"
        << text(world);
    for (const auto& [kind, n] : world.faults) {
      faults[kind] += n;
    }
  }
  EXPECT_GE(faults.size(), 18u);  // every kind of fault struck
  for (const auto& [kind, n] : faults) {
    EXPECT_GE(n, 10u) << kind;
  }
}
INSTANTIATE_TEST_SUITE_P(Part, SimSeeds, testing::Range(0, 4));

class SimVariants : public testing::TestWithParam<std::string> {};
TEST_P(SimVariants, AreNoticed) {
  constexpr std::uint64_t kSeeds = 3000;
  set_variant(GetParam());
  std::string found;
  for (std::uint64_t seed = 1; seed <= kSeeds && found.empty(); ++seed) {
    found = text(world_of(seed, /*excuse_quarantines=*/true));
  }
  set_variant("");
  EXPECT_FALSE(found.empty()) << GetParam() << " was not noticed in " << kSeeds << " worlds";
}
// noboot takes hundreds of worlds: `./dev sim --variants` gives it ten minutes.
std::vector<std::string> quick_variants() {
  std::vector<std::string> out = variants();
  std::erase(out, "noboot");
  return out;
}
INSTANTIATE_TEST_SUITE_P(Shortcut, SimVariants, testing::ValuesIn(quick_variants()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace reachback::sim
