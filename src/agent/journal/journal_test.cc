#include "agent/journal/journal.h"

#include <gtest/gtest.h>

#include "agent/journal/test_support.h"

namespace reachback::agent {
namespace {

struct Life {
  FixedClock clock;
  SeededRandom random;
  explicit Life(std::uint64_t seed = 1) : random(seed) {}
  std::unique_ptr<Journal> open(LossyDisk& disk) {
    auto journal = Journal::open(disk, clock, random);
    EXPECT_TRUE(journal.ok()) << journal.error().message;
    return journal.ok() ? std::move(*journal) : nullptr;
  }
};

TEST(Journal, StateSurvivesReopening) {
  LossyDisk disk;
  Life life;
  auto journal = life.open(disk);
  const auto generation = journal->state().generation;
  EXPECT_NE(generation, JournalGeneration());
  ASSERT_TRUE(journal->append({received_entry('a', 2), intent_entry('a', 0)}).ok());
  ASSERT_TRUE(journal->append({ended_entry('a', 0), intent_entry('a', 1)}).ok());
  ASSERT_TRUE(journal->append({voided_entry('b', 7)}).ok());
  ASSERT_TRUE(journal->append({closed_entry('c', true)}).ok());
  const std::string before = describe(journal->state());
  journal = life.open(disk);
  EXPECT_EQ(describe(journal->state()), before);
  EXPECT_EQ(journal->state().generation, generation);
  EXPECT_TRUE(journal->quarantine().empty());
  ASSERT_TRUE(journal->append({ended_entry('a', 1)}).ok());
  EXPECT_EQ(describe(life.open(disk)->state()), describe(journal->state()));
}

// Whether what `now` says is no lie about `was`: the same, or Interrupted where something was open;
// never "not started" for a command that has an intent, under a generation the server still grants.
testing::AssertionResult tells_the_truth(const Journal& now, const JournalState& was) {
  if (now.state().generation == was.generation) {
    return describe(now.state()) == describe(was)
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << "another state under the same generation:\n"
                                             << describe(now.state());
  }
  if (now.quarantine().empty()) {
    return testing::AssertionFailure() << "a new generation and nothing put aside";
  }
  for (const auto& [id, action] : now.state().actions) {
    for (const auto& c : action.commands) {
      if (!c.ended && !action.closed && !action.is_voided()) {
        return testing::AssertionFailure() << "a command of unknown fate is open:\n"
                                           << describe(now.state());
      }
    }
  }
  return testing::AssertionSuccess();
}

struct Recorded {
  LossyDisk disk;
  JournalState state;
  std::string bytes;
};
void record_a_hundred(Recorded& out) {
  Life life;
  auto journal = life.open(out.disk);
  for (char a = 'A'; a < 'A' + 16; ++a) {
    EXPECT_TRUE(journal->append({received_entry(a, 3), intent_entry(a, 0)}).ok());
    EXPECT_TRUE(journal->append({ended_entry(a, 0), intent_entry(a, 1)}).ok());
    EXPECT_TRUE(journal->append({ended_entry(a, 1, a % 2 == 0 ? pb::FAILED : pb::COMPLETED)}).ok());
    if (a % 3 == 0) {
      EXPECT_TRUE(journal->append({acked_entry(a, 0)}).ok());
      EXPECT_TRUE(journal->append({acked_entry(a, 1), closed_entry(a)}).ok());
    } else {
      EXPECT_TRUE(journal->append({intent_entry(a, 2)}).ok());
    }
  }
  out.state = journal->state();
  out.bytes = out.disk.bytes("journal");
}

TEST(Journal, NoFlippedByteMakesItLie) {
  Recorded recorded;
  record_a_hundred(recorded);
  const std::size_t used = recorded.bytes.find_last_not_of('\0') + 1;
  std::size_t quarantined = 0;
  for (std::size_t i = 0; i < used + 64; ++i) {
    const int flip = i % 3 == 0 ? 0xff : 1 << (i % 8);
    LossyDisk disk;
    Life life(i + 2);
    ASSERT_TRUE(disk.create("journal").ok());
    disk.bytes("journal") = recorded.bytes;
    disk.bytes("journal")[i] = static_cast<char>(disk.bytes("journal")[i] ^ flip);
    auto journal = life.open(disk);
    ASSERT_NE(journal, nullptr);
    ASSERT_TRUE(tells_the_truth(*journal, recorded.state)) << "byte " << i << " flip " << flip;
    if (!journal->quarantine().empty()) {
      ++quarantined;
      ASSERT_TRUE(disk.has(journal->quarantine()));
      ASSERT_EQ(disk.bytes(journal->quarantine()).size(), recorded.bytes.size());
    }
  }
  EXPECT_GE(quarantined, used);
}

TEST(Journal, NoCutMakesItLie) {
  Recorded recorded;
  record_a_hundred(recorded);
  const std::size_t used = recorded.bytes.find_last_not_of('\0') + 1;
  for (std::size_t cut = 0; cut < recorded.bytes.size(); cut += cut < used + 64 ? 1 : 4096) {
    LossyDisk disk;
    Life life(cut + 2);
    ASSERT_TRUE(disk.create("journal").ok());
    disk.bytes("journal") = recorded.bytes.substr(0, cut);
    auto journal = life.open(disk);
    ASSERT_NE(journal, nullptr);
    ASSERT_TRUE(tells_the_truth(*journal, recorded.state)) << "cut at " << cut;
  }
}

TEST(Journal, ACutInALaterChunkIsSeenToo) {
  LossyDisk disk;
  Life life;
  auto journal = life.open(disk);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(journal
                    ->append({received_entry(static_cast<char>(i), 1, 1, 2000),
                              intent_entry(static_cast<char>(i), 0)})
                    .ok());
  }
  const auto state = journal->state();
  const std::string bytes = disk.bytes("journal");
  ASSERT_GT(bytes.size(), 256u << 10);
  for (std::size_t cut = 4096; cut < bytes.size(); cut += 4096) {
    LossyDisk other;
    Life next(cut);
    ASSERT_TRUE(other.create("journal").ok());
    other.bytes("journal") = bytes.substr(0, cut);
    auto reopened = next.open(other);
    ASSERT_TRUE(tells_the_truth(*reopened, state)) << "cut at " << cut;
  }
}

// One life that ends by power loss at operation `at`; what it did outside must have been written
// first. Returns what is wrong, or empty.
std::string power_loss(std::int64_t at, std::uint64_t seed, bool ignores_sync, bool& finished) {
  LossyDisk disk(LossyDisk::Options{ignores_sync});
  FixedClock clock;
  SeededRandom random(seed);
  disk.operations_left = at;
  std::optional<JournalGeneration> promised;  // said hello with it
  std::map<std::pair<char, std::uint32_t>, int> executed;
  std::map<std::pair<char, std::uint32_t>, int> reported;
  finished = false;
  {
    auto opened = Journal::open(disk, clock, random);
    if (opened.ok()) {
      auto& journal = **opened;
      promised = journal.state().generation;
      auto run = [&](char a) {
        if (!journal
                 .append(
                     {received_entry(a, 2, 1, static_cast<std::size_t>(a) * 9), intent_entry(a, 0)})
                 .ok()) {
          return false;
        }
        ++executed[{a, 0}];
        if (!journal.append({ended_entry(a, 0), intent_entry(a, 1)}).ok()) {
          return false;
        }
        ++reported[{a, 0}];
        ++executed[{a, 1}];
        if (!journal.append({ended_entry(a, 1)}).ok()) {
          return false;
        }
        ++reported[{a, 1}];
        return journal.append({acked_entry(a, 0)}).ok() &&
               journal.append({acked_entry(a, 1), closed_entry(a)}).ok();
      };
      finished = true;
      for (char a = 'a'; a < 'a' + 12 && finished; ++a) {
        finished = run(a);
      }
    }
  }
  disk.lose_power(seed);
  SeededRandom later(seed + 1000000);
  auto reopened = Journal::open(disk, clock, later);
  if (!reopened.ok()) {
    return "does not open: " + reopened.error().message;
  }
  const JournalState& state = (*reopened)->state();
  if (!promised) {
    return "";
  }
  if (state.generation != *promised) {
    return "the generation of a hello is lost";
  }
  for (const auto& [what, times] : executed) {
    auto found = state.actions.find(*ActionId::from_bytes(action_bytes(what.first)));
    if (found == state.actions.end()) {
      return "an action that ran is unknown";
    }
    if (!found->second.closed && !found->second.commands[what.second].intent) {
      return "a command that ran has no intent";
    }
  }
  for (const auto& [what, times] : reported) {
    const auto& action = state.actions.at(*ActionId::from_bytes(action_bytes(what.first)));
    if (!action.closed && !action.commands[what.second].ended) {
      return "an end that was said is lost";
    }
  }
  return "";
}

TEST(Journal, APowerLossAtAnyStepLosesNothingThatWasActedOn) {
  std::size_t runs = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    bool finished = false;
    for (std::int64_t at = 0; !finished; ++at, ++runs) {
      ASSERT_EQ(power_loss(at, seed * 100003 + static_cast<std::uint64_t>(at), false, finished), "")
          << "operation " << at << " seed " << seed;
    }
  }
  EXPECT_GT(runs, 800u);
}

TEST(Journal, ThePowerLossSweepFindsAJournalThatDoesNotSync) {
  std::size_t found = 0, runs = 0;
  bool finished = false;
  for (std::int64_t at = 0; !finished; ++at, ++runs) {
    found += power_loss(at, 77 + static_cast<std::uint64_t>(at), true, finished).empty() ? 0 : 1;
  }
  EXPECT_GT(found, runs / 4) << "of " << runs;
}

TEST(Journal, ADiskThatFailsToSyncIsNotBelievedAgain) {
  LossyDisk disk;
  Life life;
  auto journal = life.open(disk);
  disk.fail_sync = true;
  auto failed = journal->append({received_entry('a', 1)});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Errc::io);
  EXPECT_FALSE(journal->is_healthy());
  EXPECT_TRUE(journal->state().actions.empty());
  disk.fail_sync = false;
  EXPECT_FALSE(journal->append({received_entry('a', 1)}).ok());
  EXPECT_FALSE(journal->reserve(1, 100).ok());
}

// F14: the page cache shows to the next process what the disk has not got.
TEST(Journal, WhatANewProcessReadsIsOnTheDiskBeforeItIsBelieved) {
  for (const bool killed_before_the_sync : {false, true}) {
    LossyDisk disk;
    Life life;
    auto journal = life.open(disk);
    if (killed_before_the_sync) {
      disk.operations_left = 1;  // the write, and no sync
    } else {
      disk.fail_sync = true;
    }
    ASSERT_FALSE(journal->append({received_entry('a', 1)}).ok());
    disk.operations_left = -1;
    disk.fail_sync = false;
    journal.reset();
    journal = life.open(disk);
    ASSERT_EQ(journal->state().actions.size(), 1u) << "the next process reads it";
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      journal.reset();
      disk.lose_power(seed);
      journal = life.open(disk);
      EXPECT_EQ(journal->state().actions.size(), 1u);
    }
  }
}

TEST(Journal, AFullDiskTakesNoNewWorkButTheEndOfTheOld) {
  LossyDisk disk;
  Life life;
  auto journal = life.open(disk);
  disk.disk_full = true;
  std::vector<char> taken;
  for (int i = 1; i < 5000; ++i) {
    const char a = static_cast<char>(i);
    if (!journal->reserve(3, 4000).ok()) {
      break;
    }
    if (i < 200) {
      ASSERT_TRUE(journal->append({received_entry(a, 3, 1, 3500), intent_entry(a, 0)}).ok());
      taken.push_back(a);
    }
  }
  auto refused = journal->reserve(3, 4000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::storage_full);
  EXPECT_TRUE(journal->is_healthy());
  ASSERT_GT(taken.size(), 10u);
  for (char a : {taken.front(), taken.back()}) {
    EXPECT_TRUE(journal->append({ended_entry(a, 0), intent_entry(a, 1)}).ok());
    EXPECT_TRUE(journal->append({ended_entry(a, 1, pb::FAILED)}).ok());
    EXPECT_TRUE(journal->append({acked_entry(a, 0)}).ok());
    EXPECT_TRUE(journal->append({acked_entry(a, 1), closed_entry(a)}).ok());
  }
  disk.disk_full = false;
  EXPECT_TRUE(journal->reserve(3, 4000).ok());
  EXPECT_EQ(describe(life.open(disk)->state()), describe(journal->state()));
}

TEST(Journal, CompactionKeepsTombstonesForThirtyDays) {
  LossyDisk disk;
  Life life;
  auto journal = life.open(disk);
  const auto generation = journal->state().generation;
  const std::int64_t now_us = to_micros(life.clock.now());
  const std::int64_t day_us = 24ll * 3600 * 1000000;
  ASSERT_TRUE(journal->append({received_entry('o', 2), intent_entry('o', 0)}).ok());
  ASSERT_TRUE(
      journal->append({voided_entry('v', 9), closed_entry('v', false, now_us, "voided")}).ok());
  ASSERT_TRUE(journal->append({closed_entry('n', true, now_us - 29 * day_us)}).ok());
  ASSERT_TRUE(journal->append({closed_entry('x', true, now_us - 31 * day_us)}).ok());
  // Fill the file with records that are worth nothing.
  while (journal->used_bytes() < 600u << 10) {
    pb::JournalVoided filler;
    filler.set_action(action_bytes('v'));
    filler.set_epoch(1);
    ASSERT_TRUE(journal->append(std::vector<Entry>(100, entry(filler))).ok());
  }
  ASSERT_TRUE(journal->compact_if_due().ok());
  EXPECT_LT(journal->used_bytes(), 4096u);
  EXPECT_EQ(journal->state().generation, generation);
  for (int life_number = 0; life_number < 2; ++life_number) {
    const auto& actions = journal->state().actions;
    EXPECT_TRUE(actions.contains(*ActionId::from_bytes(action_bytes('n'))));
    EXPECT_FALSE(actions.contains(*ActionId::from_bytes(action_bytes('x'))));
    EXPECT_EQ(actions.at(*ActionId::from_bytes(action_bytes('v'))).voided_epoch, 9u);
    EXPECT_TRUE(actions.at(*ActionId::from_bytes(action_bytes('o'))).commands[0].intent);
    ASSERT_TRUE(
        journal->append({life_number == 0 ? ended_entry('o', 0) : intent_entry('o', 1)}).ok());
    journal = life.open(disk);
  }
}

TEST(Journal, APowerLossWhileCompactingLosesNothing) {
  for (std::int64_t at = 0; at < 12; ++at) {
    LossyDisk disk;
    Life life(static_cast<std::uint64_t>(at) + 5);
    auto journal = life.open(disk);
    ASSERT_TRUE(journal->append({received_entry('o', 2), intent_entry('o', 0)}).ok());
    while (journal->used_bytes() < 600u << 10) {
      ASSERT_TRUE(journal->append(std::vector<Entry>(200, voided_entry('v', 3))).ok());
    }
    const std::string before = describe(journal->state());
    const auto generation = journal->state().generation;
    disk.operations_left = at;
    static_cast<void>(journal->compact_if_due());
    disk.lose_power(static_cast<std::uint64_t>(at) * 7 + 1);
    journal = life.open(disk);
    EXPECT_EQ(describe(journal->state()), before) << at;
    EXPECT_EQ(journal->state().generation, generation) << at;
  }
}

TEST(JournalState, RefusesWhatCannotHaveHappened) {
  JournalState state;
  EXPECT_FALSE(state.apply(intent_entry('a', 0)).ok());
  ASSERT_TRUE(state.apply(received_entry('a', 1)).ok());
  EXPECT_FALSE(state.apply(received_entry('a', 1)).ok());
  EXPECT_FALSE(state.apply(intent_entry('a', 1)).ok());
  ASSERT_TRUE(state.apply(intent_entry('a', 0)).ok());
  EXPECT_FALSE(state.apply(intent_entry('a', 0)).ok());
  ASSERT_TRUE(state.apply(ended_entry('a', 0)).ok());
  EXPECT_FALSE(state.apply(ended_entry('a', 0)).ok());
  EXPECT_FALSE(state.apply(Entry{RecordType::closed, "\xff\xff"}).ok());
  ASSERT_TRUE(state.apply(voided_entry('b', 2)).ok());
  EXPECT_FALSE(state.apply(received_entry('b', 1, 2)).ok());
  EXPECT_TRUE(state.apply(received_entry('b', 1, 3)).ok());
}

}  // namespace
}  // namespace reachback::agent
