#include "fleet/behaviour.h"

#include <gtest/gtest.h>

#include <cmath>

namespace reachback::fleet {
namespace {

TEST(Mix, NamesAreSharesOfOneUnlessTheySayMore) {
  const auto mix = parse_mix("instant=90,slow=10,lying");
  ASSERT_TRUE(mix.ok()) << mix.error().message;
  EXPECT_EQ(*mix, (Mix{90, 10, 0, 0, 0, 1}));
}

TEST(Mix, WhatCannotBeMeantIsRefusedByItsWord) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "''"},
      {"quick", "'quick'"},
      {"instant=", "'instant='"},
      {"instant=-1", "'instant=-1'"},
      {"instant=1x", "'instant=1x'"},
      {"instant=1000001", "'instant=1000001'"},
      {"slow,slow=2", "'slow=2'"},
      {"slow,", "''"},
      {"slow=0", "every share is 0"},
  };
  for (const auto& [text, why] : rows) {
    const auto mix = parse_mix(text);
    ASSERT_FALSE(mix.ok()) << text;
    EXPECT_EQ(mix.error().code, Errc::invalid_input);
    EXPECT_NE(mix.error().message.find(why), std::string::npos) << mix.error().message;
  }
}

TEST(Mix, EveryBeginningOfAFleetHasTheSharesOfTheWhole) {
  const Mix mix = {90, 0, 5, 0, 4, 1};
  const auto all = assign(mix, 1000);
  std::array<int, kBehaviours> seen{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    ++seen[static_cast<std::size_t>(all[i])];
    for (std::size_t kind = 0; kind < kBehaviours; ++kind) {
      const double due = static_cast<double>((i + 1) * mix[kind]) / 100;
      ASSERT_LE(std::abs(seen[kind] - due), 2) << "behaviour " << kind << " after " << i + 1;
    }
  }
  EXPECT_EQ(seen, (std::array<int, kBehaviours>{900, 0, 50, 0, 40, 10}));
}

TEST(Mix, ALargerFleetKeepsWhatTheSmallerOneHad) {
  const Mix mix = {3, 2, 1, 1, 1, 1};
  const auto small = assign(mix, 50);
  auto large = assign(mix, 500);
  large.resize(small.size());
  EXPECT_EQ(small, large);
}

}  // namespace
}  // namespace reachback::fleet
