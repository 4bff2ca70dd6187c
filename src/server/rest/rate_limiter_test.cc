#include "server/rest/rate_limiter.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using std::chrono::hours, std::chrono::minutes, std::chrono::seconds, std::chrono::milliseconds;

const std::vector<Window> kTwo = {{100, minutes(1)}, {1500, hours(1)}};

TEST(RateLimiter, TheCallAfterTheLastAllowedOneWaitsForTheFirstToLeaveTheWindow) {
  RateLimiter limiter(10);
  Duration now = hours(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(limiter.decide("a", kTwo, now + milliseconds(i)));
  }
  auto wait = limiter.decide("a", kTwo, now + seconds(1));
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, seconds(59));
  EXPECT_TRUE(limiter.decide("a", kTwo, now + seconds(60) - Duration(1)));
  EXPECT_FALSE(limiter.decide("a", kTwo, now + seconds(60)));
  EXPECT_TRUE(limiter.decide("a", kTwo, now + seconds(60)));
}

TEST(RateLimiter, TheHourCountsToo) {
  RateLimiter limiter(10);
  Duration now = hours(1);
  for (int i = 0; i < 1500; ++i) {
    EXPECT_FALSE(limiter.decide("a", kTwo, now + seconds(i)));
  }
  auto wait = limiter.decide("a", kTwo, now + seconds(1500));
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, hours(1) - seconds(1500));
}

TEST(RateLimiter, KeysAreApartAndRefusedCallsDoNotCount) {
  const std::vector<Window> one = {{1, seconds(10)}};
  RateLimiter limiter(10);
  EXPECT_FALSE(limiter.decide("a", one, seconds(100)));
  EXPECT_FALSE(limiter.decide("b", one, seconds(100)));
  for (int i = 1; i < 10; ++i) {
    EXPECT_TRUE(limiter.decide("a", one, seconds(100 + i)));
  }
  EXPECT_FALSE(limiter.decide("a", one, seconds(110)));
}

TEST(RateLimiter, MemoryIsBoundedByForgettingTheKeyThatWasIdleLongest) {
  const std::vector<Window> one = {{1, hours(1)}};
  RateLimiter limiter(3);
  for (std::string key : {"a", "b", "c"}) {
    EXPECT_FALSE(limiter.decide(key, one, seconds(1)));
  }
  limiter.record("a", one, seconds(2));
  EXPECT_FALSE(limiter.decide("d", one, seconds(3)));
  EXPECT_EQ(limiter.keys(), 3u);
  EXPECT_TRUE(limiter.peek("a", one, seconds(3)));
  EXPECT_FALSE(limiter.peek("b", one, seconds(3)));
}

// The definition, literally: in no stretch of the window's length are more calls than allowed, and
// a call is refused only if it would be one too many.
TEST(RateLimiter, AgreesWithTheDefinitionOnRandomCalls) {
  testing::SeededRandom random(1);
  const std::vector<Window> windows = {{5, seconds(1)}, {12, seconds(10)}};
  RateLimiter limiter(4);
  std::vector<Duration> counted;
  Duration now = seconds(100);
  for (int i = 0; i < 5000; ++i) {
    now += Duration(random.below(600000));
    bool fits = true;
    for (const Window& w : windows) {
      auto inside = std::count_if(counted.begin(), counted.end(),
                                  [&](Duration t) { return t + w.length > now; });
      fits = fits && inside < static_cast<std::ptrdiff_t>(w.calls);
    }
    EXPECT_EQ(!limiter.decide("a", windows, now), fits) << i;
    if (fits) {
      counted.push_back(now);
    }
  }
}

TEST(CallRates, TheHundredAndFirstCallInAMinuteGets429WithRetryAfterInSeconds) {
  test::World world;
  std::string action = "/api/machineactions/" + test::kPending;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(world.get(action, "Machine.Read.All").status, 200);
  }
  world.clock.advance(seconds(20) + milliseconds(500));
  auto reply = world.get(action, "Machine.Read.All");
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.code(), "TooManyRequests");
  EXPECT_EQ(reply.header("Retry-After"), "40");
  // Counted per endpoint and per caller, whatever the spelling and the connection.
  EXPECT_EQ(world.get("/API/v1.0/MachineActions/" + test::kPending, "Machine.Read.All").status,
            429);
  EXPECT_EQ(world.get("/api/machineactions", "Machine.Read.All").status, 200);
  EXPECT_EQ(world.get(action, "user:Machine.Read").status, 200);
  world.clock.advance(seconds(40));
  EXPECT_EQ(world.get(action, "Machine.Read.All").status, 200);
}

TEST(CallRates, TheEleventhRunInAMinuteGets429) {
  test::World world;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(world.run(test::kRunBody).status, 201);
  }
  auto reply = world.run(test::kRunBody);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.header("Retry-After"), "60");
  EXPECT_EQ(world.live.submits, 10);
}

TEST(CallRates, CallsWithoutThePermissionDoNotCountAndWaitingCountsOnce) {
  test::World world;
  std::string action = "/api/machineactions/" + test::kPending;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(world.get(action, "Nothing.At.All").status, 403);
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(world.get(action + "?waitFor=final&timeout=30s", "Machine.Read.All").status, 200);
  }
  EXPECT_EQ(world.get(action, "Machine.Read.All").status, 429);
}

TEST(CallRates, AreOffWhenTheLimitsAreOffAndSizesAreNot) {
  test::World world(test::World::without_rates());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(world.run(test::kRunBody).status, 201);
  }
  EXPECT_EQ(world.run(std::string(257 << 10, ' ')).status, 413);
}

// A rate factor makes windows that nobody fills.
TEST(RateLimiter, KeepsNoTimeThatHasLeftEveryWindow) {
  RateLimiter limiter(10);
  const Window windows[] = {{1'000'000'000, std::chrono::seconds(2)},
                            {1'000'000'000, std::chrono::seconds(5)}};
  for (int second = 0; second < 100; ++second) {
    EXPECT_EQ(limiter.decide("a", windows, std::chrono::seconds(second)), std::nullopt);
    EXPECT_LE(limiter.times_kept(), 5u);
  }
  EXPECT_EQ(limiter.times_kept(), 5u);
}

}  // namespace
}  // namespace reachback::server::rest
