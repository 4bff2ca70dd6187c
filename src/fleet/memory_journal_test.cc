#include "fleet/memory_journal.h"

#include <gtest/gtest.h>

#include "testing/fake_clock.h"
#include "testing/seeded_random.h"

namespace reachback::fleet {
namespace {

class MemoryJournalTest : public ::testing::Test {
 protected:
  MemoryJournal open(std::string saved) {
    return MemoryJournal::open(std::move(saved), clock_, random_).value();
  }
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
};

pb::JournalVoided voided() {
  pb::JournalVoided m;
  m.set_action(std::string(16, 'a'));
  m.set_epoch(7);
  return m;
}

TEST_F(MemoryJournalTest, WhatIsSavedIsTheSameJournal) {
  MemoryJournal first = open("");
  ASSERT_TRUE(first.get().append({agent::entry(voided())}).ok());
  const std::string saved = first.save(clock_.now());
  MemoryJournal second = open(saved);
  EXPECT_EQ(second.get().quarantine(), "");
  EXPECT_EQ(second.get().state().generation, first.get().state().generation);
  const auto& actions = second.get().state().actions;
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions.begin()->second.voided_epoch, 7u);
  // And goes on.
  EXPECT_TRUE(second.get().reserve(100, 1 << 20).ok());
  EXPECT_TRUE(second.get().append({agent::entry(voided())}).ok());
}

TEST_F(MemoryJournalTest, WithoutASavedOneItIsNew) {
  EXPECT_NE(open("").get().state().generation, open("").get().state().generation);
}

TEST_F(MemoryJournalTest, ADamagedOneIsNewToo) {
  MemoryJournal first = open("");
  ASSERT_TRUE(first.get().append({agent::entry(voided())}).ok());
  std::string saved = first.save(clock_.now());
  saved[20] ^= 1;
  EXPECT_NE(open(saved).get().state().generation, first.get().state().generation);
}

TEST_F(MemoryJournalTest, AnIdleOneIsSmall) {
  EXPECT_LT(open("").save(clock_.now()).size(), 100u);
}

}  // namespace
}  // namespace reachback::fleet
