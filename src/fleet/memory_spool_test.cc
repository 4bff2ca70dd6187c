#include "fleet/memory_spool.h"

#include <gtest/gtest.h>

#include "testing/seeded_random.h"

namespace reachback::fleet {
namespace {

std::string content(const Fd& file) {
  std::string out(100, '\0');
  out.resize(read_at(file.get(), out.data(), out.size(), 0).value());
  return out;
}

class MemorySpoolTest : public ::testing::Test {
 protected:
  testing::SeededRandom random_{1};
  ActionId action_ = ActionId::make(random_);
  MemorySpool spool_;
};

TEST_F(MemorySpoolTest, WhatIsWrittenIsReadUntilItIsRemoved) {
  {
    const Fd file = spool_.make_result(action_, 0).value();
    ASSERT_TRUE(write_all(file.get(), "result").ok());
  }
  EXPECT_EQ(content(spool_.open(action_, 0, pb::RESULT).value()), "result");
  EXPECT_EQ(spool_.open(action_, 1, pb::RESULT).error().code, Errc::not_found);
  EXPECT_EQ(spool_.open(action_, 0, pb::RAW_STDOUT).error().code, Errc::not_found);
  spool_.remove(action_, 0, pb::RESULT);
  EXPECT_EQ(spool_.open(action_, 0, pb::RESULT).error().code, Errc::not_found);
}

TEST_F(MemorySpoolTest, ASecondRunBeginsWithEmptyStreams) {
  ASSERT_TRUE(write_all(spool_.make_streams(action_, 0)->out.get(), "before").ok());
  const auto streams = spool_.make_streams(action_, 0).value();
  EXPECT_EQ(content(streams.out), "");
  EXPECT_EQ(content(spool_.open(action_, 0, pb::RAW_STDOUT).value()), "");
}

TEST_F(MemorySpoolTest, KeepsWhatItIsToldToKeep) {
  const ActionId other = ActionId::make(random_);
  ASSERT_TRUE(spool_.make_result(action_, 0).ok());
  ASSERT_TRUE(spool_.make_result(other, 0).ok());
  spool_.remove_others({other}, BootId());
  EXPECT_FALSE(spool_.open(action_, 0, pb::RESULT).ok());
  EXPECT_TRUE(spool_.open(other, 0, pb::RESULT).ok());
}

}  // namespace
}  // namespace reachback::fleet
