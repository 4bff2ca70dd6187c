// The checker itself: a good history passes, and each line that breaks an invariant is named.
#include <gtest/gtest.h>

#include <algorithm>

#include "history.h"

namespace reachback::sim {
namespace {

Event make(Kind kind, std::uint32_t index = 0, const std::string& text = "", bool flag = true) {
  Event e;
  e.kind = kind;
  e.action = "a";
  e.index = index;
  e.text = text;
  e.flag = flag;
  return e;
}

Event accepted(std::uint32_t commands = 1, const std::string& action = "a") {
  Event e = make(Kind::accepted);
  e.action = action;
  e.machine = "m";
  e.commands = commands;
  e.expires_us = 1000;
  return e;
}
Event granted(std::uint64_t epoch = 1) {
  Event e = make(Kind::granted);
  e.epoch = epoch;
  return e;
}
Event status(const char* text) {
  return make(Kind::status, 0, text);
}
Event with_blob(Event e, const char* blob) {
  e.blob = blob;
  return e;
}
Event at(Event e, std::int64_t at_us, std::int64_t expires_us) {
  e.at_us = at_us;
  e.expires_us = expires_us;
  return e;
}

std::string first_broken(const std::vector<Event>& history, CheckOptions options = {}) {
  Checker checker(options);
  for (const Event& e : history) {
    checker.read(e);
  }
  return checker.violations().empty() ? "" : checker.violations()[0].invariant;
}

std::vector<Event> good() {
  return {accepted(),
          granted(),
          status("InProgress"),
          make(Kind::executed),
          make(Kind::exited),
          with_blob(make(Kind::stored, 0, "digest"), "b"),
          with_blob(make(Kind::command, 0, "Completed"), "b"),
          status("Succeeded"),
          at(with_blob(make(Kind::minted), "b"), 10, 20),
          at(make(Kind::fetched, 0, "a/0"), 15, 20),
          at(make(Kind::fetched, 0, "", false), 20, 20)};
}

TEST(Checker, AGoodHistoryBreaksNothing) {
  EXPECT_EQ(first_broken(good()), "");
}

TEST(Checker, NamesWhatIsBroken) {
  const auto plus = [](std::vector<Event> more) {
    std::vector<Event> all = good();
    all.insert(all.end(), more.begin(), more.end());
    return first_broken(all);
  };
  const auto head = [](std::size_t n, std::vector<Event> more) {
    std::vector<Event> all = good();
    all.resize(n);
    all.insert(all.end(), more.begin(), more.end());
    return first_broken(all);
  };
  EXPECT_EQ(head(4, {make(Kind::executed)}), "V01");
  EXPECT_EQ(plus({status("Failed")}), "V02");
  EXPECT_EQ(head(7, {make(Kind::command, 0, "Failed")}), "V02");
  EXPECT_EQ(first_broken({accepted(), make(Kind::executed), status("Cancelled")}), "V07");
  EXPECT_EQ(head(3, {status("TimeOut"), make(Kind::executed)}), "V04");
  EXPECT_EQ(first_broken({accepted(), status("Cancelled"), make(Kind::executed)}), "V07");
  EXPECT_EQ(head(3, {at(make(Kind::ended), 1000, 0)}), "V05");
  EXPECT_EQ(head(2, {granted(1)}), "V06");
  EXPECT_EQ(head(4, {granted(2)}), "V06");
  EXPECT_EQ(head(3, {make(Kind::executed, 0, "", false)}), "V07");
  EXPECT_EQ(first_broken({accepted(2), granted(), status("InProgress"), make(Kind::executed, 1)}),
            "V08");
  EXPECT_EQ(plus({with_blob(make(Kind::stored, 0, "other"), "b")}), "V09");
  EXPECT_EQ(head(5, {make(Kind::command, 0, "Completed", false)}), "V10");
  EXPECT_EQ(head(3, {make(Kind::command, 0, "Completed")}), "V10");
  EXPECT_EQ(head(6, {status("Succeeded")}), "V10");
  EXPECT_EQ(head(3, {accepted(1, "b")}), "V12");
  EXPECT_EQ(plus({at(with_blob(make(Kind::minted), "c"), 10, 20)}), "V13");
  EXPECT_EQ(plus({at(make(Kind::fetched, 0, "z/0"), 15, 20)}), "V13");
  EXPECT_EQ(plus({at(make(Kind::fetched, 0, "a/0"), 20, 20)}), "V14");
  EXPECT_EQ(plus({at(make(Kind::fetched, 0, "", false), 19, 20)}), "V14");
  EXPECT_EQ(plus({at(with_blob(make(Kind::minted), "b"), 0, 1'800'000'001)}), "V14");
  EXPECT_EQ(plus({at(with_blob(make(Kind::minted, 0, "", false), "b"), 10, 20)}), "V15");
  EXPECT_EQ(head(5, {status("Cancelled"), at(make(Kind::ended), 1000, 0)}), "V18");
}

TEST(Checker, KeysAndSessions) {
  Event keyed = accepted();
  keyed.key = "k";
  Event again = accepted(1, "b");
  again.machine = "n";
  again.key = "k";
  EXPECT_EQ(first_broken({keyed, again}), "V11");
  Event told = make(Kind::answered);
  told.key = "k";
  EXPECT_EQ(first_broken({keyed, told}), "");
  told.action = "other";
  EXPECT_EQ(first_broken({keyed, told}), "V11");
  again.key.clear();
  EXPECT_EQ(first_broken({keyed, again}, CheckOptions{.active_max = 1}), "V17");
}

TEST(Checker, ReadsWhatItWrites) {
  for (const Event& e : good()) {
    auto back = from_json(to_json(e));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(to_json(*back), to_json(e));
  }
  EXPECT_FALSE(from_json("{\"ev\":\"nonsense\"}").has_value());
}

}  // namespace
}  // namespace reachback::sim
