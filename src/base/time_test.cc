#include "base/time.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace reachback {
namespace {

Timestamp at(std::int64_t micros) {
  return from_micros(micros);
}

TEST(Time, is_written_as_mde_writes_it) {
  EXPECT_EQ(format_time(at(1612453012778884)), "2021-02-04T15:36:52.778884Z");
  EXPECT_EQ(format_time(at(1679173441920000)), "2023-03-18T21:04:01.92Z");
  EXPECT_EQ(format_time(at(1612453012000000)), "2021-02-04T15:36:52Z");
  EXPECT_EQ(format_time_seconds(at(1612453012999999)), "2021-02-04T15:36:52Z");
}

TEST(Time, is_read_back_with_up_to_seven_digits) {
  EXPECT_EQ(parse_time("2021-02-04T15:36:52.7788848Z"), at(1612453012778884));
  EXPECT_EQ(parse_time("2021-02-04T15:36:52.9Z"), at(1612453012900000));
  for (std::int64_t micros : {0L, 1L, 1612453012778884L, 4102444799999999L}) {
    EXPECT_EQ(parse_time(format_time(at(micros))), at(micros));
  }
}

TEST(Time, anything_else_is_refused) {
  for (const char* bad :
       {"", "2021-02-04", "2021-02-04T15:36:52", "2021-02-04T15:36:52z", "2021-02-04 15:36:52Z",
        "2021-13-04T15:36:52Z", "2021-02-30T15:36:52Z", "2021-02-04T25:36:52Z",
        "2021-02-04T15:61:52Z", "2021-02-04T15:36:52.Z", "2021-02-04T15:36:52.12345678Z",
        "2021-02-04T15:36:52+00:00", "+021-02-04T15:36:52Z"}) {
    EXPECT_EQ(parse_time(bad), std::nullopt) << bad;
  }
}

#ifdef REACHBACK_TEST_HOOKS
TEST(Time, a_test_build_lets_time_pass_or_sets_the_wall_clock_and_only_that) {
  SystemClock clock;
  Timestamp before = clock.now();
  Duration boot = clock.since_boot();
  clock.advance(std::chrono::hours(1));
  EXPECT_GE(clock.now() - before, std::chrono::hours(1));
  EXPECT_GE(clock.since_boot() - boot, std::chrono::hours(1));
  clock.set_off(-std::chrono::hours(3));
  EXPECT_LT(clock.now() - before, -std::chrono::minutes(90));
  EXPECT_LT(clock.since_boot() - boot, std::chrono::minutes(90));
  clock.set_off(Duration(0));
  EXPECT_GE(clock.now() - before, std::chrono::hours(1));
}

TEST(Time, a_test_build_starts_with_the_clock_that_its_environment_names) {
  const SystemClock right;
  ::setenv("REACHBACK_CLOCK_OFFSET_MS", "-3600000", /*overwrite=*/1);
  const SystemClock wrong;
  ::unsetenv("REACHBACK_CLOCK_OFFSET_MS");
  EXPECT_LT(wrong.now() + std::chrono::minutes(59), right.now());
  EXPECT_GT(wrong.now() + std::chrono::minutes(61), right.now());
}
#endif

}  // namespace
}  // namespace reachback
