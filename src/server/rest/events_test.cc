// /api/machineactions/{id}/events: the stream, who may open it, and what ends it.
#include <gtest/gtest.h>

#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using test::World;

const std::string kRun = "Machine.LiveResponse";
const std::string kRead = "Machine.Read.All";

std::string events(const std::string& id, const std::string& query = "") {
  return "/api/machineactions/" + id + "/events" + query;
}

TEST(Events, AnActionThatIsOverIsToldAndTheStreamEnds) {
  World world(World::without_rates());
  auto reply = world.get(events(test::kSucceeded), kRun);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(reply.header("Cache-Control"), "no-store");
  EXPECT_EQ(
      reply.body,
      "id: 1-0-0\n"
      "event: command\n"
      "data: {\"index\":0,\"commandStatus\":\"Completed\","
      "\"startTime\":\"2021-09-01T09:20:33.353Z\",\"endTime\":\"2021-09-01T09:20:39.42Z\","
      "\"exitCode\":null,\"errors\":[]}\n\n"
      "id: 1-0-0\n"
      "event: status\n"
      "data: {\"status\":\"Succeeded\",\"lastUpdateDateTimeUtc\":\"2021-09-01T09:20:40Z\"}\n\n"
      "id: 1-0-0\n"
      "event: end\n"
      "data: {\"status\":\"Succeeded\"}\n\n");
}

TEST(Events, OutputIsForThoseWhomResultsAreOpenAndThatIsOnRecord) {
  World world(World::without_rates());
  world.get(events(test::kPending), kRead);
  EXPECT_FALSE(world.live.last_with_output);
  EXPECT_TRUE(world.audit.records.empty());
  world.get(events(test::kPending), kRun);
  EXPECT_TRUE(world.live.last_with_output);
  ASSERT_EQ(world.audit.records.size(), 1u);
  EXPECT_EQ(world.audit.records[0].kind, "watch");
  EXPECT_EQ(world.audit.records[0].object, test::kPending);
}

TEST(Events, NothingIsGivenOutThatCannotBeRecorded) {
  World world(World::without_rates());
  world.audit.fails = true;
  EXPECT_EQ(world.get(events(test::kPending), kRun).status, 503);
  EXPECT_EQ(world.get(events(test::kPending), kRead).status, 200);
}

TEST(Events, WhatIsNotThereIsA404BeforeTheStreamBegins) {
  World world(World::without_rates());
  for (const char* id : {"00000000-0000-4000-8000-000000000000", "x"}) {
    EXPECT_EQ(world.get(events(id), kRun).status, 404) << id;
  }
  world.live.failure = Error{Errc::unavailable, "the store"};
  EXPECT_EQ(world.get(events(test::kPending), kRun).status, 503);
}

TEST(Events, ALastEventIdOfNobodysIsRefused) {
  World world(World::without_rates());
  EXPECT_EQ(world.get(events(test::kSucceeded, "?lastEventId=1-0-0"), kRun).status, 200);
  for (const char* bad : {"abc", "1-2", "9-0-0"}) {
    auto reply = world.get(events(test::kSucceeded, "?lastEventId=" + std::string(bad)), kRun);
    EXPECT_EQ(reply.status, 400) << bad;
    EXPECT_NE(reply.body.find("last event id"), std::string::npos) << reply.body;
  }
  auto reply = world.send("GET", events(test::kSucceeded),
                          {{"Authorization", "Bearer " + kRun}, {"Last-Event-ID", "7"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(
      world.get(events(test::kSucceeded, "?lastEventId=0-0-0&lastEventId=0-0-0"), kRun).status,
      400);
}

// Opens a stream and keeps it.
std::shared_ptr<net::BodySource> open(World& world, const std::string& token) {
  auto exchange =
      world.begin("GET", events(test::kPending), {{"Authorization", "Bearer " + token}}, "");
  auto response = exchange->wait();
  EXPECT_EQ(response->status, 200);
  return response->source;
}

TEST(Events, SoManyStreamsOfOneCallerAndTheirPlacesAreGivenBack) {
  World world(World::without_rates());
  std::vector<std::shared_ptr<net::BodySource>> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(open(world, kRun));
  }
  auto refused = world.get(events(test::kPending), kRun);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.get("Retry-After"));
  EXPECT_EQ(world.get(events(test::kPending), "user:" + kRun).status, 200);
  streams.pop_back();
  streams.push_back(open(world, kRun));
}

TEST(Events, AChangeIsToldWhenItComes) {
  World world(World::without_rates());
  auto stream = open(world, kRun);
  std::string text;
  World::read_some(*stream, text);
  EXPECT_EQ(text,
            "id: 0-0-0\nevent: status\ndata: {\"status\":\"Pending\",\"lastUpdateDateTimeUtc\":"
            "\"2022-02-07T10:32:14.170461Z\"}\n\n");
  text.clear();
  world.live.actions[0].status = action::Status::cancelled;
  std::string late;
  // read_some() has left a question open; it is answered by what comes.
  stream->next([&late](std::optional<std::string> piece) { late = piece.value_or("over"); });
  world.live.changes.wake_all(world.live.actions[0].id);
  EXPECT_NE(late.find("\"Cancelled\""), std::string::npos) << late;
  EXPECT_NE(late.find("event: end"), std::string::npos) << late;
  World::read_some(*stream, text);
  EXPECT_EQ(text, "");
}

TEST(Events, OutputEndsForWhomTheRightToResultsIsTakenAway) {
  test::UserWorld world(World::without_rates());
  auto exchange =
      world.begin("GET", events(test::kPending),
                  {{"Authorization", "Bearer ann:Machine.Read+Machine.LiveResponse"}}, "");
  auto stream = exchange->wait()->source;
  ASSERT_TRUE(world.live.last_with_output);
  std::string text;
  World::read_some(*stream, text);
  EXPECT_NE(text, "");
  world.ann.roles = bit(UserRole::viewer);  // may read the action still, and no results
  world.user_rights.set(world.ann);
  bool over = false;
  stream->next([&over](const std::optional<std::string>& piece) { over = !piece; });
  EXPECT_TRUE(over);
  auto again = world.get(events(test::kPending), "ann:Machine.Read+Machine.LiveResponse");
  EXPECT_EQ(again.status, 200);
  EXPECT_FALSE(world.live.last_with_output);
}

TEST(Events, ATokenThatExpiresEndsTheStream) {
  World world(World::without_rates());
  auto stream = open(world, kRun);
  std::string text;
  World::read_some(*stream, text);
  world.clock.advance(std::chrono::hours(24 * 365));
  bool over = false;
  stream->next([&over](const std::optional<std::string>& piece) { over = !piece; });
  EXPECT_TRUE(over);
}

}  // namespace
}  // namespace reachback::server::rest
