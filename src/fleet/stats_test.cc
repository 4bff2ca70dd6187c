#include "fleet/stats.h"

#include <gtest/gtest.h>

#include "json/json.h"

namespace reachback::fleet {
namespace {

const Latencies::Counts kNone{};

TEST(Latencies, APercentileIsAtMostASixteenthTooLarge) {
  for (const std::int64_t us : {1, 15, 16, 17, 999, 1000, 123'456, 60'000'000}) {
    Latencies latencies;
    latencies.add(Duration(us));
    const auto read = percentile(latencies.counts(), kNone, 0.5).count();
    EXPECT_GE(read, us);
    EXPECT_LE(read, us + us / 16) << us;
  }
}

TEST(Latencies, TellTheMiddleFromTheWorst) {
  Latencies latencies;
  for (int i = 0; i < 98; ++i) {
    latencies.add(std::chrono::milliseconds(2));
  }
  latencies.add(std::chrono::seconds(1));
  latencies.add(std::chrono::seconds(1));
  const auto counts = latencies.counts();
  EXPECT_LT(percentile(counts, kNone, 0.5), std::chrono::milliseconds(3));
  EXPECT_LT(percentile(counts, kNone, 0.98), std::chrono::milliseconds(3));
  EXPECT_GE(percentile(counts, kNone, 0.99), std::chrono::seconds(1));
}

TEST(Latencies, OnlyWhatIsNewCountsSinceAMomentBefore) {
  Latencies latencies;
  latencies.add(std::chrono::seconds(10));
  const auto before = latencies.counts();
  EXPECT_EQ(percentile(before, before, 0.99), Duration(0));
  latencies.add(std::chrono::milliseconds(1));
  EXPECT_LT(percentile(latencies.counts(), before, 0.99), std::chrono::milliseconds(2));
}

TEST(Latencies, WhatIsBeyondAllBucketsIsInTheLast) {
  Latencies latencies;
  latencies.add(std::chrono::hours(24 * 365));
  latencies.add(Duration(-5));
  const auto counts = latencies.counts();
  EXPECT_EQ(counts[Latencies::kBuckets - 1], 1u);
  EXPECT_EQ(counts[0], 1u);
}

TEST(ReportLine, SaysWhatWasFinishedASecondSinceTheLineBefore) {
  Stats stats;
  Moment before;
  stats.connected = 3;
  stats.finished = 10;
  stats.order_to_end.add(std::chrono::milliseconds(4));
  auto line = json::parse(report_line(stats, 5, 2.0, before));
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->at("agents").as_int64(), 5);
  EXPECT_EQ(line->at("connected").as_int64(), 3);
  EXPECT_EQ(line->at("finishedPerSecond").as_double(), 5);
  EXPECT_GE(line->at("orderToEndMs").at("p99").as_double(), 4);
  EXPECT_GT(line->at("rssKib").as_int64(), 0);
  line = json::parse(report_line(stats, 5, 3.0, before));
  EXPECT_EQ(line->at("finishedPerSecond").as_double(), 0);
  EXPECT_EQ(line->at("orderToEndMs").at("p99").as_double(), 0);
  EXPECT_GE(line->at("orderToEndMs").at("p99All").as_double(), 4);
}

}  // namespace
}  // namespace reachback::fleet
