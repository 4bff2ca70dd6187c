// Who calls: the bearer token of the API's routes.
#include <gtest/gtest.h>

#include <thread>

#include "server/rest/call.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using test::World;

const std::string kPath = "/api/machines";

TEST(Bearer, IsRequiredAndTheChallengeSaysWhatWasWrong) {
  World world;
  auto none = world.send("GET", kPath);
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.code(), "Unauthorized");
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer");  // RFC 6750 §3.1: no code without a token
  auto bad = world.get(kPath, "rubbish");
  EXPECT_EQ(bad.status, 401);
  EXPECT_EQ(bad.header("WWW-Authenticate"), "Bearer error=\"invalid_token\"");
  auto weak = world.get(kPath, "Library.Manage");
  EXPECT_EQ(weak.status, 403);
  EXPECT_EQ(weak.code(), "Forbidden");
  EXPECT_EQ(weak.header("WWW-Authenticate"), "Bearer error=\"insufficient_scope\"");
  auto elsewhere = world.get(kPath, "elsewhere");
  EXPECT_EQ(elsewhere.status, 403);
  EXPECT_EQ(elsewhere.code(), "Forbidden");
  for (std::string header : {"Basic eDp5", "Bearer", "Machine.Read.All", "", "Token x"}) {
    auto reply = world.send("GET", kPath, {{"Authorization", header}});
    EXPECT_EQ(reply.status, 401) << header;
  }
}

TEST(Bearer, TheSchemesNameIsTakenInAnyCase) {
  World world;
  EXPECT_EQ(world.send("GET", kPath, {{"authorization", "bearer Machine.Read.All"}}).status, 200);
  EXPECT_EQ(world.send("GET", kPath, {{"Authorization", "BEARER  Machine.Read.All"}}).status, 200);
}

TEST(Bearer, MustNotStandInTheAddressOrTwice) {  // trust.md §5.2 2
  World world;
  for (std::string query :
       {"?access_token=Machine.Read.All", "?x=1&ACCESS%5FTOKEN=", "?access_token"}) {
    auto reply = world.get(kPath + query, "Machine.Read.All");
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_EQ(reply.code(), "BadRequest");
    EXPECT_EQ(reply.header("WWW-Authenticate"), "Bearer error=\"invalid_request\"");
    EXPECT_EQ(world.send("GET", kPath + query).status, 400);
  }
  auto twice = world.send(
      "GET", kPath,
      {{"Authorization", "Bearer Machine.Read.All"}, {"authorization", "Bearer Machine.Read.All"}});
  EXPECT_EQ(twice.status, 400);
  EXPECT_EQ(twice.code(), "BadRequest");
  EXPECT_EQ(world.verifier.calls, 0);
}

TEST(Bearer, IsNotLookedAtForAnAddressThatIsNone) {
  World world;
  EXPECT_EQ(world.get("/api/nothing", "rubbish").status, 404);
  EXPECT_EQ(world.send("PUT", kPath, {{"Authorization", "Bearer rubbish"}}).status, 405);
  EXPECT_EQ(world.verifier.calls, 0);
}

TEST(Bearer, OfAUserActsUnderTheUsersName) {
  World world;
  auto reply = world.post("/api/machines/" + test::kMachine + "/runliveresponse",
                          "user:Machine.LiveResponse", test::kRunBody);
  ASSERT_EQ(reply.status, 201);
  EXPECT_NE(reply.body.find(R"("requestor":"analyst@microsoft.com")"), std::string::npos);
  // An application's role is no user's scope.
  EXPECT_EQ(world.get(kPath, "user:Machine.Read.All").status, 401);
}

// A service may answer later and on a thread of its own.
class LateLibrary : public test::FakeLibrary {
 public:
  ~LateLibrary() override { thread_.join(); }
  void list(const Principal& by, odata::Query query, ListBounds bounds,
            Done<Page<LibraryFile>> done) override {
    Principal copy = by;
    thread_ = std::thread(
        [this, copy, query, bounds, done] { test::FakeLibrary::list(copy, query, bounds, done); });
  }

 private:
  std::thread thread_;
};

TEST(RestApi, AnswersWhenTheServiceDoesOnWhateverThread) {
  World world;
  LateLibrary late;
  auto api =
      RestApi::create(RestDeps{world.live, world.interactive, late, world.machines, world.sign_in,
                               world.verifier, world.issuer, world.audiences, world.audit,
                               world.refusals, world.clock, world.random, world.app_rates,
                               world.user_access, world.background, world.settings, world.activity},
                      World::default_options());
  ASSERT_TRUE(api.ok());
  net::Request request;
  request.method = "GET";
  request.target = "/api/libraryfiles";
  request.headers.add("Authorization", "Bearer Library.Manage");
  auto exchange = std::make_shared<testing::FakeExchange>(request);
  (*api)->handle(exchange);
  auto response = exchange->wait();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
}

}  // namespace
}  // namespace reachback::server::rest
