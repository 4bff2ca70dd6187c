#include "server/rest/routes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/rest/handlers.h"
#include "server/rest/test_routes.h"

namespace reachback::server::rest {
namespace {

using test::World;

TEST(Routes, ReadAllReadsResultsInProfile2025AndNotElsewhereOrWhenStrict) {
  std::string link =
      "/api/machineactions/" + test::kSucceeded + "/GetLiveResponseResultDownloadLink(index=0)";
  auto status = [&](Profile profile, bool strict) {
    auto options = World::default_options();
    options.profile = profile;
    options.strict = strict;
    World world(options);
    return world.get(link, "Machine.Read.All").status;
  };
  EXPECT_EQ(status(Profile::y2021, false), 403);
  EXPECT_EQ(status(Profile::y2025, false), 200);
  EXPECT_EQ(status(Profile::y2026, false), 403);
  EXPECT_EQ(status(Profile::y2025, true), 403);
}

TEST(Routes, ATableWithAMistakeIsRefused) {
  auto permissions = PermissionTable::load(Profile::y2026, /*strict=*/false);
  ASSERT_TRUE(permissions.ok());
  EXPECT_EQ(broken_route(route_table(), *permissions), "");
  auto broken = [&permissions](std::size_t at, auto change) {
    std::vector<Route> routes(route_table().begin(), route_table().end());
    change(routes, routes[at]);
    return broken_route(routes, *permissions);
  };
  auto says = [](const std::string& text, std::string_view word) {
    return text.find(word) != std::string::npos;
  };
  auto index_of = [](std::string_view name) {
    const auto routes = route_table();
    return static_cast<std::size_t>(
        std::find_if(routes.begin(), routes.end(),
                     [&](const Route& route) { return route.name == name; }) -
        routes.begin());
  };
  const std::size_t kList = index_of("machines.list"), kCount = index_of("machines.count");
  EXPECT_TRUE(says(broken(kCount, [](auto&, Route& r) { r.name = "machines.nobody"; }),
                   "machines.count, which is no route"));
  EXPECT_TRUE(says(broken_route(route_table(), PermissionTable()), "has no permission"));
  EXPECT_TRUE(says(broken(0, [](auto&, Route& r) { r.name = "machines.list"; }), "asks for"));
  EXPECT_TRUE(says(broken(kCount, [](auto&, Route& r) { r.rate = Rate::none; }), "call rate"));
  EXPECT_TRUE(says(broken(kCount, [](auto&, Route& r) { r.handler = nullptr; }), "no handler"));
  EXPECT_TRUE(says(broken(kList, [](auto& all, Route& r) { all.push_back(r); }), "twice"));
  EXPECT_TRUE(says(broken(route_table().size() - 1,
                          [](auto&, Route& r) { r.body_max = &Bounds::run_body_bytes; }),
                   "more than tell"));
}

TEST(Routes, PathsMatchWithoutRegardToCaseAndAlsoUnderV1) {
  World world;
  for (const std::string& path : std::vector<std::string>{
           "/api/machines/" + test::kMachine, "/API/Machines/" + test::kMachine,
           "/api/v1.0/machines/" + test::kMachine, "/Api/V1.0/MACHINES/" + test::kMachine,
           "/%61pi/machines/" + test::kMachine, "/api/machines/hostname"}) {
    EXPECT_EQ(world.get(path, "Machine.Read.All").status, 200) << path;
  }
}

TEST(Routes, BothSpellingsOfTheLinkFunctionAreTheSameRoute) {
  World world;
  std::string action = "/api/machineactions/" + test::kSucceeded + "/";
  for (std::string tail :
       {"GetLiveResponseResultDownloadLink(index=0)", "getliveresponseresultdownloadlink(index=0)",
        "GetLiveResponseResultDownloadLink%28index%3D0%29",
        "GetLiveResponseResultDownloadLink(index%3D0)",
        "GetLiveResponseResultDownloadLink(Index=0)"}) {
    EXPECT_EQ(world.get(action + tail, "Machine.LiveResponse").status, 200) << tail;
  }
}

TEST(Routes, ADefectiveSpellingIsNeverARoute) {
  World world;
  for (std::string path : {"/",
                           "",
                           "api/machines",
                           "//api/machines",
                           "/api//machines",
                           "/api/machines/",
                           "/api/machines/.",
                           "/api/machines/..",
                           "/api/./machines",
                           "/api/alerts/../machines",
                           "/api/machines/..%2fmachines",
                           "/api/machines;a=b",
                           "/api/machines/hostname;a=b",
                           "/api/machines%00",
                           "/api/machines%zz",
                           "/api/machines%",
                           "/api/mach%C0%AFines",
                           "/api%2fmachines",
                           "/api/%2e%2e/machines",
                           "/api%252fmachines",
                           "/api/machines%20",
                           "/api/machines%0a",
                           "/api/machines/%0Ahostname",
                           "/api/machines/%5c",
                           "/api/v1.0",
                           "/api/v2.0/machines",
                           "/api/v1.0/v1.0/machines",
                           "/v1.0/api/machines",
                           "/api",
                           "/api/machines/x/y/z",
                           "/api/machineactions/20d1de3f-acef-4715-8bed-a92223c5553c/"
                           "GetLiveResponseResultDownloadLink?index=0",
                           "/api/machineactions/20d1de3f-acef-4715-8bed-a92223c5553c/"
                           "GetLiveResponseResultDownloadLink(index=0)x",
                           "/api/machineactions/20d1de3f-acef-4715-8bed-a92223c5553c/"
                           "GetLiveResponseResultDownloadLink%2528index=0%2529",
                           "/api/machineactions/20d1de3f-acef-4715-8bed-a92223c5553c%0A/cancel",
                           "/api/machineactions/20d1de3f-acef-4715-8bed-a92223c5553c/cancel/"}) {
    auto reply = world.get(path, "Machine.Read.All");
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.code(), "NotFound") << path;
  }
}

// Source: trust.md T02.
TEST(Routes, AThousandSpellingsOfEachNeverReachMoreThanTheirOwnRoute) {
  World world(World::without_rates());
  testing::SeededRandom random(1);
  const std::string_view kBits[] = {"/",   "//",  "/.",     "/..", ";a", "%2f", "%2e",  "%00", "%",
                                    "%zz", "%25", "%c0%af", "\\",  " ",  "+",   "?x=1", "#a"};
  std::size_t routed = 0;
  const std::size_t routes = route_table().size();
  for (std::size_t i = 0; i < 1000 * routes; ++i) {
    const Route& route = route_table()[i % routes];
    std::string path = test::address_of(route);
    for (std::uint64_t n = 1 + random.below(2); n > 0; --n) {
      auto at = 1 + random.below(path.size());
      switch (random.below(3)) {
        case 0:
          path.insert(at, kBits[random.below(std::size(kBits))]);
          break;
        case 1:
          path[at - 1] = static_cast<char>(std::toupper(static_cast<unsigned char>(path[at - 1])));
          break;
        default: {
          char hex[4];
          std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(path[at - 1]));
          path.replace(at - 1, 1, hex);
        }
      }
    }
    if (route.plane != Plane::api) {
      // Open to everybody: the route itself, or nothing. Tries of one address are counted.
      world.peer = "peer " + std::to_string(i);
      auto reply = world.send(std::string(route.method), path);
      EXPECT_TRUE(reply.status == 200 || reply.status == 400 || reply.status == 404) << path;
      continue;
    }
    // Without a token only what no route serves may answer anything but 401.
    auto without = world.send(std::string(route.method), path);
    EXPECT_TRUE(without.status == 401 || without.status == 404 || without.status == 405) << path;
    // A right to something else opens nothing.
    auto weak =
        world.send(std::string(route.method), path, {{"Authorization", "Bearer Nothing.At.All"}});
    EXPECT_TRUE(weak.status == 403 || weak.status == 404 || weak.status == 405) << path;
    EXPECT_EQ(weak.status == 403, without.status == 401) << path;
    routed += weak.status == 403 ? 1 : 0;
  }
  EXPECT_GT(routed, 1000u);
  EXPECT_EQ(world.live.touched(), 0);
}

// Source: trust.md §5.0.15: CONNECT names an authority and no path.
TEST(Routes, ConnectIs405WithAllow) {
  World world;
  for (const char* target : {"host.example:443", "*", "/nowhere"}) {
    auto reply = world.send("CONNECT", target);
    EXPECT_EQ(reply.status, 405) << target;
    EXPECT_EQ(reply.header("Allow"), "DELETE, GET, PATCH, POST");
    EXPECT_EQ(reply.code(), "MethodNotAllowed");
  }
  EXPECT_EQ(world.send("CONNECT", "/api/machines").header("Allow"), "GET");
}

// Source: trust.md §5.8.15.
TEST(Routes, TheAgentsRoutesAreNotOnTheOperatorsListener) {
  World world;
  EXPECT_EQ(world.send("POST", "/agent/v1/enroll", {}, "{}").status, 404);
  EXPECT_EQ(world.send("GET", "/agent/v1/session").status, 404);
}

// What a server counts of itself is nobody's business on this listener, whatever the token.
TEST(Routes, ThereAreNoMetricsOnThePublicListener) {
  World world;
  for (const char* path : {"/metrics", "/api/metrics", "/api/v1.0/metrics", "/METRICS"}) {
    for (const std::string& role : all_roles()) {
      EXPECT_EQ(world.get(path, role).status, 404) << path;
    }
    EXPECT_EQ(world.send("GET", path).status, 404) << path;
  }
}

TEST(Routes, AnotherMethodGets405WithAllow) {
  World world;
  auto reply = world.send("PATCH", "/api/libraryfiles");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.header("Allow"), "GET, POST");
  EXPECT_EQ(reply.code(), "MethodNotAllowed");
  for (std::string method : {"TRACE", "CONNECT", "FOO", "HEAD", "OPTIONS", "POST", "get"}) {
    auto other = world.send(method, "/api/machines");
    EXPECT_EQ(other.status, 405) << method;
    EXPECT_EQ(other.header("Allow"), "GET");
  }
  std::string action = "/api/machineactions/" + test::kPending;
  for (std::string method : {"POST", "DELETE", "PATCH"}) {
    EXPECT_EQ(world.send(method, action).status, 405);
  }
  EXPECT_EQ(world.send("GET", action + "/cancel").status, 405);
  auto token = world.send("GET", "/" + test::kTenant.text() + "/oauth2/v2.0/token");
  EXPECT_EQ(token.status, 405);
  EXPECT_EQ(token.header("Allow"), "POST");
  EXPECT_EQ(token.oauth(), "invalid_request");
}

TEST(Routes, AnAnswerToHeadHasNoBody) {
  World world;
  EXPECT_EQ(world.send("HEAD", "/api/machines").body, "");
  EXPECT_EQ(world.send("HEAD", "/nowhere").body, "");
}

}  // namespace
}  // namespace reachback::server::rest
