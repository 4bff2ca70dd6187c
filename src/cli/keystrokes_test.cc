#include "cli/keystrokes.h"

#include <gtest/gtest.h>

namespace reachback::cli {
namespace {

TEST(Keystrokes, WaitUntilTheMachineHasThem) {
  Keystrokes keys;
  EXPECT_FALSE(keys.take("ls"));
  EXPECT_FALSE(keys.take("\r"));
  EXPECT_EQ(keys.from(), 0u);
  EXPECT_EQ(keys.waiting(), "ls\r");
  keys.taken(2);
  EXPECT_EQ(keys.from(), 2u);
  EXPECT_EQ(keys.waiting(), "\r");
  keys.taken(1);   // an answer that comes late
  keys.taken(99);  // one that makes no sense
  EXPECT_EQ(keys.waiting(), "\r");
  keys.taken(3);
  EXPECT_EQ(keys.waiting(), "");
  EXPECT_FALSE(keys.take("x"));
  EXPECT_EQ(keys.from(), 3u);
}

TEST(Keystrokes, EndAtATildeAndADotThatBeginALine) {
  EXPECT_TRUE(Keystrokes().take("~."));
  Keystrokes keys;
  EXPECT_FALSE(keys.take("a~.b\r"));
  EXPECT_FALSE(keys.take("~"));
  EXPECT_EQ(keys.waiting(), "a~.b\r") << "what it means is not known yet";
  EXPECT_TRUE(keys.take(".rm -rf /\r"));
  EXPECT_EQ(keys.waiting(), "a~.b\r");
}

TEST(Keystrokes, ATildeThatEndsNothingIsTyped) {
  Keystrokes keys;
  EXPECT_FALSE(keys.take("~/bin\r~~.\r~\r."));
  EXPECT_EQ(keys.waiting(), "~/bin\r~.\r~\r.");
}

}  // namespace
}  // namespace reachback::cli
