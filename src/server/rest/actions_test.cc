// /api/machineactions, /api/machines, /api/alerts. Case numbers are those of trust.md §5.3 to 5.5.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "server/rest/query.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using std::chrono::seconds;
using test::World;

const std::string kList = "/api/machineactions";
const std::string kRead = "Machine.Read.All";

std::string action(const std::string& id) {
  return kList + "/" + id;
}
std::string link(const std::string& id, const std::string& arguments) {
  return action(id) + "/GetLiveResponseResultDownloadLink(" + arguments + ")";
}

TEST(MachineActions, TopAndSkipReachTheService) {
  World world(World::without_rates());
  EXPECT_EQ(world.get(kList, kRead).status, 200);
  EXPECT_EQ(world.live.last_page, (std::pair<std::uint64_t, std::uint64_t>(0, 10000)));
  EXPECT_EQ(world.get(kList + "?$top=1&$skip=1", kRead).status, 200);
  EXPECT_EQ(world.live.last_page, (std::pair<std::uint64_t, std::uint64_t>(1, 1)));
  EXPECT_EQ(world.get(kList + "?%24TOP=0&client-request-id=7", kRead).status, 200);
  EXPECT_EQ(world.live.last_page, (std::pair<std::uint64_t, std::uint64_t>(0, 0)));
  auto beyond = world.get(kList + "?$skip=100", kRead);  // 12
  EXPECT_EQ(beyond.status, 200);
  EXPECT_NE(beyond.body.find("\"value\":[]"), std::string::npos);
}

TEST(MachineActions, AnActionThatHasNotChangedIsNotSentAgain) {
  World world(World::without_rates());
  auto first = world.get(action(test::kPending), kRead);
  const std::string etag = first.header("ETag");
  EXPECT_TRUE(etag.starts_with("W/\""));
  auto ask = [&](const std::string& known, const std::string& query = "") {
    return world.send("GET", action(test::kPending) + query,
                      {{"Authorization", "Bearer " + kRead}, {"If-None-Match", known}});
  };
  for (const std::string& query : {std::string(), std::string("?waitFor=final&timeout=1s")}) {
    auto same = ask(etag, query);
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.body, "");
    EXPECT_EQ(same.header("ETag"), etag);
  }
  EXPECT_EQ(ask("\"other\", " + etag).status, 304);
  EXPECT_EQ(ask("\"other\"").status, 200);
  world.live.actions[0].version += 1;
  EXPECT_EQ(ask(etag).status, 200);
  EXPECT_NE(ask(etag).header("ETag"), etag);
}

TEST(MachineActions, TheRateFactorRaisesTheRates) {
  auto options = World::default_options();
  options.rate_factor = 2;
  World world(options);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(world.get(kList, kRead).status, 200) << i;
  }
  EXPECT_EQ(world.get(kList, kRead).status, 429);
}

TEST(MachineActions, AnApplicationsOwnFactorRaisesItsRatesAtOnce) {
  auto options = World::default_options();
  options.rate_factor = 2;
  World world(options);
  const AppId app = *AppId::parse(test::kApp);
  auto calls_until_refused = [&](int most) {
    int calls = 0;
    while (calls < most && world.get(kList, kRead).status == 200) {
      ++calls;
    }
    return calls;
  };
  EXPECT_EQ(calls_until_refused(1000), 200);
  world.app_rates.set(test::kTenant, app, 3);
  EXPECT_EQ(calls_until_refused(1000), 400) << "200 were counted already, 600 fit";
  EXPECT_EQ(world.get(kList, "other:" + kRead).status, 200);
  world.app_rates.set(test::kTenant, app, 0);
  EXPECT_EQ(calls_until_refused(700), 700);
  world.app_rates.set(test::kTenant, app, 1);
  EXPECT_EQ(world.get(kList, kRead).status, 429);
}

TEST(MachineActions, OptionsWithoutTheirDollarAreRefusedAndOtherNamesPassedOver) {
  World world(World::without_rates());
  for (const std::string name :
       {"top", "Skip", "FILTER", "select", "orderby", "expand", "count", "search", "apply",
        "compute", "format", "skiptoken", "deltatoken"}) {
    for (const std::string& path : {kList, action(test::kPending), std::string("/api/machines")}) {
      auto reply = world.get(path + "?" + name + "=5", kRead);
      EXPECT_EQ(reply.status, 400) << path << name;
      EXPECT_EQ(reply.code(), "ODataError") << path << name;
      EXPECT_NE(reply.body.find("'" + name + "'"), std::string::npos) << reply.body;
    }
  }
  EXPECT_EQ(world.get(kList + "?client-request-id=7&api-version=1.0&x=y", kRead).status, 200);
}

TEST(MachineActions, AnIdInAnyCaseIsTheSameActionAndWhatIsNoGuidIsNotFound) {  // 3, 4
  World world(World::without_rates());
  std::string upper = test::kPending;
  std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
  auto reply = world.get(action(upper), kRead);
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find(test::kPending), std::string::npos);
  int gets = world.live.gets;
  for (std::string id :
       {"x", "7", "%7B20d1de3f-acef-4715-8bed-a92223c5553c%7D", "20d1de3facef47158beda92223c5553c",
        "20d1de3f-acef-4715-8bed-a92223c5553", "20d1de3f-acef-4715-8bed-a92223c5553c%20", "')(",
        "20d1de3f-acef-4715-8bed-%20a92223c5553c"}) {
    auto none = world.get(action(id), kRead);
    EXPECT_EQ(none.status, 404) << id;
    EXPECT_EQ(none.code(), "ResourceNotFound") << id;
    EXPECT_EQ(
        world.post(action(id) + "/cancel", "Machine.LiveResponse", "{\"Comment\":\"c\"}").status,
        404);
    EXPECT_EQ(world.get(link(id, "index=0"), "Machine.LiveResponse").status, 404);
  }
  EXPECT_EQ(world.live.gets, gets);  // no look-up
}

TEST(MachineActions, AnotherTenantsActionAnswersLikeOneThatNeverWas) {  // T11
  World world(World::without_rates());
  auto same = [&](auto call) {
    auto unknown = call("Machine.LiveResponse", test::kUnknownAction);
    auto foreign = call("other:Machine.LiveResponse", test::kPending);
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(foreign.status, 404);
    EXPECT_EQ(foreign.code(), "ResourceNotFound");
    EXPECT_EQ(unknown.message(), "Machine action " + test::kUnknownAction + " was not found");
    EXPECT_EQ(foreign.message(), "Machine action " + test::kPending + " was not found");
    EXPECT_EQ(unknown.body.size(), foreign.body.size());
  };
  same([&](std::string token, std::string id) { return world.get(action(id), token); });
  same([&](std::string token, std::string id) {
    return world.get(action(id) + "?waitFor=final", token);
  });
  same([&](std::string token, std::string id) { return world.get(link(id, "index=0"), token); });
  same([&](std::string token, std::string id) {
    return world.post(action(id) + "/cancel", token, "{\"Comment\":\"c\"}");
  });
  EXPECT_NE(world.get(kList, "other:" + kRead).body.find("\"value\":[]"), std::string::npos);
  EXPECT_EQ(world.get("/api/machines/" + test::kMachine, "other:" + kRead).status, 404);
}

TEST(MachineActions, WaitForFinalTakesASecondToAMinute) {
  World world(World::without_rates());
  auto wait = [&](std::string query) { return world.get(action(test::kPending) + query, kRead); };
  EXPECT_EQ(wait("?waitFor=final&timeout=1s").status, 200);
  EXPECT_EQ(world.live.last_wait, seconds(1));
  EXPECT_EQ(wait("?timeout=60s&waitFor=final").status, 200);
  EXPECT_EQ(world.live.last_wait, seconds(60));
  EXPECT_EQ(wait("?WAITFOR=final").status, 200);
  EXPECT_EQ(world.live.last_wait, seconds(30));
  world.live.last_wait.reset();
  EXPECT_EQ(wait("?timeout=nonsense").status, 200);  // nothing waits: nobody's option
  EXPECT_FALSE(world.live.last_wait);
  for (std::string query :
       {"?waitFor=done", "?waitFor=", "?waitFor=Final", "?waitFor=final&waitFor=final",
        "?waitFor=final&timeout=0s", "?waitFor=final&timeout=61s", "?waitFor=final&timeout=30",
        "?waitFor=final&timeout=30m", "?waitFor=final&timeout=-1s", "?waitFor=final&timeout=1.5s",
        "?waitFor=final&timeout=s", "?waitFor=final&timeout=", "?waitFor=final&timeout=999999s",
        "?waitFor=final&timeout=1s&timeout=2s"}) {
    auto reply = wait(query);
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_EQ(reply.code(), "InvalidInput") << query;
  }
  EXPECT_FALSE(world.live.last_wait);
}

TEST(Cancel, AsksForAComment) {  // 4 to 9
  World world(World::without_rates());
  struct Bad {
    std::string body;
    int status;
    std::string code;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"", 400, "InvalidRequestBody"},
           {"x", 400, "InvalidRequestBody"},
           {"[]", 400, "InvalidRequestBody"},
           {"{}", 400, "MissingRequiredParameter"},
           {R"({"comment":"c"})", 400, "MissingRequiredParameter"},
           {R"({"Comment":null})", 400, "MissingRequiredParameter"},
           {R"({"Comment":""})", 400, "MissingRequiredParameter"},
           {R"({"Comment":7})", 400, "InvalidInput"},
           {R"({"Comment":["c"]})", 400, "InvalidInput"},
           {R"({"Comment":")" + std::string(4001, 'x') + "\"}", 400, "InvalidInput"}}) {
    auto reply = world.post(action(test::kPending) + "/cancel", "Machine.LiveResponse", bad.body);
    EXPECT_EQ(reply.status, bad.status) << bad.body.substr(0, 80);
    EXPECT_EQ(reply.code(), bad.code) << bad.body.substr(0, 80);
  }
  auto big = world.post(action(test::kPending) + "/cancel", "Machine.LiveResponse",
                        R"({"Comment":")" + std::string(1 << 20, 'x') + "\"}");
  EXPECT_EQ(big.status, 413);
  EXPECT_EQ(world.live.cancels, 0);
  // 4,000 characters are fine in whatever form they come.
  std::string smileys;
  for (int i = 0; i < 4000; ++i) {
    smileys += "\\ud83d\\ude00";
  }
  EXPECT_EQ(world
                .post(action(test::kPending) + "/cancel", "Machine.LiveResponse",
                      R"({"Comment":")" + smileys + "\"}")
                .status,
            200);
}

TEST(Cancel, CarriesACommentWithAnythingInItAndShowsItEscaped) {  // 8, 16
  World world;
  auto reply = world.post(action(test::kPending) + "/Cancel?x=1", "Machine.Isolate",
                          R"({"Comment":"\u001b[2J<b>\n\u202e"})",
                          {{"Content-Type", "application/x-www-form-urlencoded"}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(reply.body.find(R"("cancellationComment":"\u001b[2J<b>\n)"), std::string::npos)
      << reply.body;
  EXPECT_NE(reply.body.find(R"("status":"Cancelled")"), std::string::npos);
}

TEST(Cancel, OfAnEndedActionIsABadRequest) {  // 10
  World world;
  auto reply = world.post(action(test::kSucceeded) + "/cancel", "Machine.LiveResponse",
                          "{\"Comment\":\"c\"}");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.code(), "BadRequest");
}

TEST(ResultLink, HasItsPinnedAnswerForEveryArgument) {  // 4 to 9
  World world(World::without_rates());
  struct Case {
    std::string arguments;
    int status;
    std::string code;
  };
  for (const Case& c : std::vector<Case>{{"index=0", 200, ""},
                                         {"INDEX=0", 200, ""},
                                         {"index=-1", 400, "InvalidInput"},
                                         {"index=99", 404, "ResourceNotFound"},
                                         {"index=99999", 404, "ResourceNotFound"},
                                         {"index=100000", 400, "InvalidInput"},
                                         {"index=4294967296", 400, "InvalidInput"},
                                         {"index=18446744073709551616", 400, "InvalidInput"},
                                         {"index=abc", 400, "ODataError"},
                                         {"", 400, "ODataError"},
                                         {"index=", 400, "ODataError"},
                                         {"0", 400, "ODataError"},
                                         {"=0", 400, "ODataError"},
                                         {"index=0,index=1", 400, "ODataError"},
                                         {"index=0,", 400, "ODataError"},
                                         {"index=00", 400, "ODataError"},
                                         {"index=+0", 400, "ODataError"},
                                         {"index=0x0", 400, "ODataError"},
                                         {"index=0.0", 400, "ODataError"},
                                         {"index=1e0", 400, "ODataError"},
                                         {"index=%200", 400, "ODataError"},
                                         {"index%20=0", 400, "ODataError"},
                                         {"n=0", 400, "ODataError"},
                                         {"index=0)(", 400, "ODataError"}}) {
    auto reply = world.get(link(test::kSucceeded, c.arguments), "Machine.LiveResponse");
    EXPECT_EQ(reply.status, c.status) << c.arguments << reply.body;
    EXPECT_EQ(reply.code(), c.code) << c.arguments;
  }
}

TEST(ResultLink, ServiceErrorsHaveTheirPinnedAnswers) {  // 13, 16, 17
  World world;
  EXPECT_EQ(world.get(link(test::kPending, "index=0"), "Machine.LiveResponse").status, 404);
  world.live.failure = Error{Errc::gone, "The result is no longer kept"};
  auto gone = world.get(link(test::kSucceeded, "index=0"), "Machine.LiveResponse");
  EXPECT_EQ(gone.status, 410);
  EXPECT_EQ(gone.message(), "The result is no longer kept");
  world.live.failure = Error{Errc::unavailable, "blob"};
  auto down = world.get(link(test::kSucceeded, "index=0"), "Machine.LiveResponse");
  EXPECT_EQ(down.status, 503);
  EXPECT_NE(down.header("Retry-After"), "");
}

TEST(ResultLink, NeverFollowsTheHostOfTheCaller) {  // 19, T23
  World world;
  auto reply = world.send("GET", link(test::kSucceeded, "index=0"),
                          {{"Host", "evil.example"},
                           {"X-Forwarded-Host", "evil.example"},
                           {"Authorization", "Bearer Machine.LiveResponse"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.find("evil"), std::string::npos);
  EXPECT_NE(reply.body.find("\"https://api.security.microsoft.com/api/$metadata#Edm.String\""),
            std::string::npos);
  EXPECT_EQ(world.live.last_peer, world.peer);
}

// Found while writing the properties of fuzz/query: the cut went through a character, and the
// message was not UTF-8.
TEST(QueryOptions, ALongNameIsCutBetweenTwoCharacters) {
  const std::string name = "$" + std::string(62, 'a') + "\xc3\xbc" + "b";
  auto page = parse_page({{name, "1"}}, 10, 10);
  ASSERT_FALSE(page.ok());
  EXPECT_TRUE(is_valid_utf8(page.error().message));
  EXPECT_NE(page.error().message.find("'$" + std::string(62, 'a') + "...'"), std::string::npos)
      << page.error().message;
  EXPECT_NE(parse_page({{"$" + std::string(63, 'a'), "1"}}, 10, 10).error().message.find("aaa'"),
            std::string::npos);
}

// Found by fuzz/query: %00 was refused, the byte itself was not.
TEST(QueryOptions, ANulIsRefusedHoweverItIsWritten) {
  for (std::string text :
       {std::string("a=b%00"), std::string("a=b\0c", 5), std::string("\0=b", 3)}) {
    auto pairs = parse_pairs(text, 10);
    ASSERT_FALSE(pairs.ok());
    EXPECT_EQ(pairs.error().code, Errc::invalid_query);
  }
}

TEST(Contexts, NameAConfiguredAliasThatWasCalled) {
  World world(World::without_rates());
  auto context = [&](std::string host, std::string path) {
    auto reply = world.send("GET", path, {{"Host", host}, {"Authorization", "Bearer " + kRead}});
    json::Object o = reply.object();
    return std::string(o["@odata.context"].is_string() ? o["@odata.context"].get_string() : "");
  };
  EXPECT_EQ(context("api.securitycenter.microsoft.com", kList),
            "https://api.securitycenter.microsoft.com/api/$metadata#MachineActions");
  EXPECT_EQ(context("API.SecurityCenter.Microsoft.com:443", "/api/v1.0/machines/hostname"),
            "https://api.securitycenter.microsoft.com/api/$metadata#Machines/$entity");
  EXPECT_EQ(context("api.securitycenter.microsoft.com.evil.example", kList),
            "https://api.security.microsoft.com/api/$metadata#MachineActions");
  EXPECT_EQ(context("127.0.0.1:9999", "/api/alerts"),
            "https://api.security.microsoft.com/api/$metadata#Alerts");
}

TEST(Machines, WithNoneAreAnEmptyList) {
  World world;
  world.machines.empty = true;
  auto reply = world.get("/api/machines?$top=5", kRead);
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("\"value\":[]"), std::string::npos);
  EXPECT_EQ(world.machines.last_page, (std::pair<std::uint64_t, std::uint64_t>(0, 5)));
}

TEST(Machines, AreActiveWhileConnectedOrSeenInTheLastWeek) {
  World world;
  EXPECT_NE(world.get("/api/machines/hostname", kRead).body.find(R"("healthStatus":"Active")"),
            std::string::npos);
  auto unknown = world.get("/api/machines/nobody", kRead);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.message(), "Machine nobody was not found");
}

// Source: trust.md §5.4.20.
TEST(CancelBounds, TheCallAfterTheLastAllowedOneIs429) {
  World world;
  auto cancel = [&] {
    return world.post("/api/machineactions/" + test::kPending + "/cancel", "Machine.LiveResponse",
                      R"({"Comment":"stop"})");
  };
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(cancel().status, 200) << i;
  }
  auto refused = cancel();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.code(), "TooManyRequests");
  EXPECT_NE(refused.header("Retry-After"), "");
}

// Source: trust.md §5.4.19: who calls is settled at the head, before the body is waited for.
TEST(CancelBounds, TheTokenIsLookedAtOnce) {
  World world;
  EXPECT_EQ(world
                .post("/api/machineactions/" + test::kPending + "/cancel", "Machine.LiveResponse",
                      R"({"Comment":"stop"})")
                .status,
            200);
  EXPECT_EQ(world.verifier.calls, 1);
}

}  // namespace
}  // namespace reachback::server::rest
