// What every address of the API answers alike. Numbers are those of docs/bad-input.md.
#include <gtest/gtest.h>

#include "server/rest/routes.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using test::World;

std::string address_of(const Route& route) {
  std::string path(route.path);
  auto put = [&path](std::string_view from, std::string_view to) {
    if (auto at = path.find(from); at != std::string::npos) {
      path.replace(at, from.size(), to);
    }
  };
  put("{index}", "index=0");
  put("{name}", "present.sh");
  put("{arguments}", "ip='10.0.0.7',timestamp=2021-02-04T15:00:00Z");
  put("{id}", path.find("/machines/") != std::string::npos ? test::kMachine : test::kSucceeded);
  return path;
}

std::string_view limit_of(Rate rate) {
  switch (rate) {
    case Rate::run_calls:
      return "run_calls_per_minute";
    case Rate::package_uri_calls:
      return "package_uri_calls_per_minute";
    case Rate::typing_calls:
      return "typing_calls_per_minute";
    case Rate::calls:
    case Rate::none:
      return "calls_per_minute";
  }
  return "";
}

// The last number of 5.3, 5.4 and 5.5, for each route of the table.
TEST(EveryRoute, AnswersTheCallAfterTheLastAllowedOneWith429) {
  std::string every_role;
  for (const std::string& role : all_roles()) {
    every_role += (every_role.empty() ? "" : "+") + role;
  }
  const auto limits = Limits::load();
  ASSERT_TRUE(limits.ok());
  int walked = 0;
  for (const Route& route : route_table()) {
    if (route.plane != Plane::api) {
      continue;
    }
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    ++walked;
    World world;
    auto call = [&] {
      return world.send(std::string(route.method), address_of(route),
                        {{"Authorization", "Bearer " + every_role}},
                        route.body_max != nullptr ? "{}" : "");
    };
    const auto allowed = limits->value(World::default_options().profile, limit_of(route.rate));
    ASSERT_GE(allowed, 2u);
    for (std::uint64_t i = 0; i < allowed; ++i) {
      const int status = call().status;
      ASSERT_TRUE(status != 429 && status != 401 && status != 403) << status << " at call " << i;
    }
    const auto refused = call();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.code(), "TooManyRequests");
    EXPECT_EQ(refused.header("Retry-After"), "60");
  }
  EXPECT_GE(walked, 20);
}

}  // namespace
}  // namespace reachback::server::rest
