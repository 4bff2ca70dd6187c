// Walks every reachable state with every event: step() is total, keeps every invariant and takes
// only legal edges, and no state is stuck.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "server/action/action_fixture.h"

namespace reachback::action {
namespace {

// A state's name for the visited set: everything that step() looks at, without times.
std::string key(const Action& a) {
  std::string k = std::to_string(static_cast<int>(a.status)) + "/" + std::to_string(a.epoch) + "/" +
                  (a.generation ? to_hex(a.generation->bytes()) : "-") +
                  (a.cancellation ? "c" : "-");
  for (const Command& c : a.commands) {
    k += "|" + std::to_string(static_cast<int>(c.status)) + (c.started ? "s" : "-") +
         (c.ended ? "e" : "-") + (c.result ? "r" : "-");
    for (const std::string& e : c.errors) {
      k += e;
    }
  }
  return k;
}

std::vector<Event> every_event(const Action& a) {
  std::vector<Event> events = {Claimed{generation_of('g')}, Claimed{generation_of('h')},
                               CancelRequested{cancellation_by("ann")}, MachineGone{"gone"},
                               DeadlinePassed{}};
  std::vector<std::uint64_t> epochs = {a.epoch, a.epoch + 1};
  if (a.epoch > 0) {
    epochs.push_back(a.epoch - 1);  // said before a regrant
  }
  for (std::uint64_t epoch : epochs) {
    for (char generation : {'g', 'h'}) {
      events.push_back(CancelConfirmed{epoch, generation_of(generation)});
      events.push_back(NotStarted{epoch, generation_of(generation)});
      events.push_back(OrderRefused{epoch, generation_of(generation), "no"});
    }
    for (std::uint32_t i = 0; i <= a.commands.size(); ++i) {
      events.push_back(CommandStarted{epoch, i, at_minute(6)});
      for (bool completed : {true, false}) {
        events.push_back(ended_event(epoch, i, completed));
        CommandEnded bare = ended_event(epoch, i, completed);
        bare.result.reset();
        bare.started.reset();
        events.push_back(bare);
      }
    }
  }
  return events;
}

// What an agent said of a grant before the one that stands: that nothing of it will start, which
// was known. (A start under a void grant is refused: it contradicts the proof.)
bool is_of_an_older_grant(const Action& a, const Event& event) {
  const auto* not_started = std::get_if<NotStarted>(&event);
  const auto* refused = std::get_if<OrderRefused>(&event);
  const auto* confirmed = std::get_if<CancelConfirmed>(&event);
  const std::uint64_t epoch = not_started != nullptr ? not_started->epoch
                              : refused != nullptr   ? refused->epoch
                              : confirmed != nullptr ? confirmed->epoch
                                                     : a.epoch;
  return a.status == Status::in_progress && epoch < a.epoch;
}

TEST(Explore, every_reachable_state_with_every_event_keeps_the_invariants_and_none_is_stuck) {
  constexpr std::uint64_t kEpochMax = 2;  // bounds A10, which may otherwise repeat
  std::map<std::string, Action> states;
  std::map<std::string, std::set<std::string>> came_from;
  std::deque<Action> todo = {pending_action(3)};
  states.emplace(key(todo.front()), todo.front());
  std::size_t pairs = 0;
  const Timestamp times[] = {at_minute(5), at_minute(119), at_minute(121), at_minute(300)};
  while (!todo.empty()) {
    Action a = todo.front();
    todo.pop_front();
    const std::string here = key(a);
    ASSERT_EQ(broken_invariant(a), "") << here;
    for (const Event& event : every_event(a)) {
      for (Timestamp now : times) {
        ++pairs;
        Step s = step(a, event, now);
        if (is_of_an_older_grant(a, event)) {
          ASSERT_EQ(s.verdict, Verdict::duplicate) << here << " event " << event.index();
        }
        ASSERT_EQ(broken_invariant(s.next), "")
            << key(a) << " event " << event.index() << " -> " << key(s.next);
        ASSERT_EQ(illegal_transition(a, s.next), "")
            << key(a) << " event " << event.index() << " -> " << key(s.next);
        if (s.verdict == Verdict::duplicate || s.verdict == Verdict::refused ||
            s.verdict == Verdict::premature) {
          ASSERT_EQ(s.next, a) << "nothing changes on a duplicate or refused event "
                               << event.index();
          ASSERT_EQ(s.verdict != Verdict::duplicate, !s.why.empty());
          continue;
        }
        ASSERT_EQ(broken_invariant(s.next), "")
            << here << " event " << event.index() << " -> " << key(s.next);
        ASSERT_EQ(illegal_transition(a, s.next), "")
            << here << " event " << event.index() << " -> " << key(s.next);
        if (is_final(a.status)) {
          ASSERT_EQ(s.verdict, Verdict::late);
        } else {
          // The same event again changes nothing more.
          ASSERT_NE(step(s.next, event, now).verdict, Verdict::applied)
              << here << " event " << event.index();
        }
        std::string there = key(s.next);
        if (s.next.epoch <= kEpochMax) {
          came_from[there].insert(here);
          if (states.emplace(there, s.next).second) {
            todo.push_back(s.next);
          }
        }
      }
    }
  }
  // From every state a final one can be reached.
  std::set<std::string> live;
  std::deque<std::string> back;
  for (const auto& [k, a] : states) {
    if (is_final(a.status)) {
      live.insert(k);
      back.push_back(k);
    }
  }
  while (!back.empty()) {
    std::string k = back.front();
    back.pop_front();
    for (const std::string& p : came_from[k]) {
      if (live.insert(p).second) {
        back.push_back(p);
      }
    }
  }
  EXPECT_EQ(live.size(), states.size());
  EXPECT_GT(states.size(), 100u);
  RecordProperty("states", static_cast<int>(states.size()));
  std::printf("explored %zu states, %zu (state, event, time) triples\n", states.size(), pairs);
}

// The checks themselves can fail: each of these breaks one on purpose.
TEST(Explore, broken_actions_are_told) {
  Action a = pending_action();
  a.status = Status::succeeded;
  EXPECT_NE(broken_invariant(a), "");
  a = pending_action();
  a.commands[1].started = at_minute(1);
  EXPECT_NE(broken_invariant(a), "");
  Action done = step(pending_action(), CancelRequested{cancellation_by("ann")}, at_minute(5)).next;
  Action undone = done;
  undone.status = Status::pending;
  EXPECT_NE(illegal_transition(done, undone), "");
  Action regrant = step(pending_action(), Claimed{generation_of('g')}, at_minute(4)).next;
  Action started = step(regrant, CommandStarted{1, 0, at_minute(5)}, at_minute(5)).next;
  Action again = started;
  again.epoch = 2;
  EXPECT_NE(illegal_transition(started, again), "");
}

}  // namespace
}  // namespace reachback::action
