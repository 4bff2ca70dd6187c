#include "base/guarded_clocks.h"

#include <gtest/gtest.h>

namespace reachback {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The two clocks of a machine, each moved by hand.
class HandClock : public Clock {
 public:
  Timestamp now() const override { return wall; }
  Duration since_boot() const override { return boot; }
  void pass(Duration by, Duration wall_by) {
    boot += by;
    wall += wall_by;
  }
  Timestamp wall = from_micros(1'767'225'600'000'000);
  Duration boot = hours(1);
};

// `length` passes in steps of a second, each read once.
void pass(HandClock& machine, const Clock& read, Duration length) {
  for (Duration gone{}; gone < length; gone += seconds(1)) {
    machine.pass(seconds(1), seconds(1));
    (void)read.now();
  }
}

TEST(SlewedClock, shows_the_wall_clock_while_nobody_sets_it) {
  HandClock machine;
  SlewedClock clock(machine);
  EXPECT_EQ(clock.now(), machine.wall);
  pass(machine, clock, minutes(10));
  EXPECT_EQ(clock.now(), machine.wall);
}

TEST(SlewedClock, follows_an_ntp_slew_at_once) {
  HandClock machine;
  SlewedClock clock(machine);
  for (int i = 0; i < 1000; ++i) {
    machine.pass(seconds(1), seconds(1) + Duration(500));  // 500 parts in a million
    EXPECT_EQ(clock.now(), machine.wall);
  }
}

TEST(SlewedClock, does_not_jump_with_the_wall_clock_and_goes_after_it_slowly) {
  for (const Duration jump :
       {Duration(hours(1)), Duration(hours(-1)), Duration(hours(24)), Duration(hours(-24)),
        Duration(seconds(40)), Duration(seconds(-40))}) {
    HandClock machine;
    SlewedClock clock(machine);
    const Timestamp began = clock.now();
    machine.pass(Duration(0), jump);
    EXPECT_EQ(clock.now(), began);
    Timestamp last = began;
    for (int i = 1; i <= 1800; ++i) {
      machine.pass(seconds(1), seconds(1));
      const Timestamp now = clock.now();
      EXPECT_GE(now, last);
      EXPECT_LE(std::chrono::abs(now - began - seconds(i)), Duration(seconds(i)) / 100);
      last = now;
    }
    EXPECT_GE(std::chrono::abs(last - began - minutes(30)),
              std::min(std::chrono::abs(jump), Duration(seconds(17))))
        << "it does go after the wall clock";
  }
}

TEST(SlewedClock, is_where_the_wall_clock_is_in_the_end) {
  HandClock machine;
  SlewedClock clock(machine);
  machine.pass(Duration(0), seconds(-40));
  pass(machine, clock, seconds(4100));
  EXPECT_EQ(clock.now(), machine.wall);
}

TEST(SlewedClock, never_goes_back_between_two_looks) {
  HandClock machine;
  SlewedClock clock(machine);
  machine.pass(milliseconds(900), milliseconds(900) + hours(1));
  const Timestamp ahead = clock.now();
  machine.pass(milliseconds(1), hours(-2));
  EXPECT_GE(clock.now(), ahead);
}

TEST(LatestClock, a_length_by_it_never_lasts_longer_than_in_truth) {
  HandClock machine;
  LatestClock clock(machine);
  const Timestamp end = clock.now() + minutes(30);
  machine.pass(minutes(10), minutes(10) - hours(2));  // set back: goes on by the time since boot
  EXPECT_EQ(clock.now(), end - minutes(20));
  machine.pass(minutes(19), minutes(19));
  EXPECT_LT(clock.now(), end);
  machine.pass(minutes(1), minutes(1));
  EXPECT_GE(clock.now(), end);
}

TEST(LatestClock, goes_forward_with_the_wall_clock_at_once) {
  HandClock machine;
  LatestClock clock(machine);
  machine.pass(seconds(1), hours(1));  // a virtual machine that stood still for an hour
  EXPECT_EQ(clock.now(), machine.wall);
}

}  // namespace
}  // namespace reachback
