// api/errors.json and api/limits.json.
#include <gtest/gtest.h>

#include "server/rest/errors.h"
#include "server/rest/limits.h"
#include "server/rest/test_world.h"
#include "server/service/live_response.h"

namespace reachback::server::rest {
namespace {

TEST(ErrorTable, HasARowForEveryErrorCode) {
  auto table = ErrorTable::load();
  ASSERT_TRUE(table.ok()) << table.error().message;
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    const ErrorRow& row = table->row(static_cast<Errc>(i));
    EXPECT_GE(row.status, 400);
    EXPECT_FALSE(row.code.empty());
    EXPECT_FALSE(row.oauth.empty());
    // What is the service's own trouble never tells its insides.
    EXPECT_TRUE(row.status < 500 || row.message.has_value());
  }
}

TEST(ErrorTable, HasThePinnedAnswers) {
  auto table = ErrorTable::load();
  ASSERT_TRUE(table.ok());
  struct Pin {
    Errc code;
    int status;
    std::string_view name;
  };
  for (Pin pin : {Pin{Errc::invalid_input, 400, "InvalidInput"},
                  Pin{Errc::invalid_body, 400, "InvalidRequestBody"},
                  Pin{Errc::missing_parameter, 400, "MissingRequiredParameter"},
                  Pin{Errc::invalid_ip, 400, "InvalidIpAddress"},
                  Pin{Errc::invalid_query, 400, "ODataError"},
                  Pin{Errc::too_large, 413, "PayloadTooLarge"},
                  Pin{Errc::batch_too_large, 400, "MaximumBatchSizeExceeded"},
                  Pin{Errc::unsupported_media, 415, "UnsupportedMediaType"},
                  Pin{Errc::unauthenticated, 401, "Unauthorized"},
                  Pin{Errc::forbidden, 403, "Forbidden"},
                  Pin{Errc::disallowed, 403, "DisallowedOperation"},
                  Pin{Errc::not_found, 404, "ResourceNotFound"},
                  Pin{Errc::gone, 410, "Gone"},
                  Pin{Errc::already_exists, 400, "BadRequest"},
                  Pin{Errc::already_active, 400, "ActiveRequestAlreadyExists"},
                  Pin{Errc::already_final, 400, "BadRequest"},
                  Pin{Errc::conflict, 409, "Conflict"},
                  Pin{Errc::mismatch, 422, "IdempotencyKeyMismatch"},
                  Pin{Errc::too_many_requests, 429, "TooManyRequests"},
                  Pin{Errc::unavailable, 503, "ServiceUnavailable"},
                  Pin{Errc::storage_full, 507, "InsufficientStorage"},
                  Pin{Errc::internal, 500, "InternalServerError"}}) {
    EXPECT_EQ(table->row(pin.code).status, pin.status) << pin.name;
    EXPECT_EQ(table->row(pin.code).code, pin.name);
  }
}

TEST(ErrorTable, IsRefusedWithoutARowOrWithARowTooMany) {
  std::string row = R"({"status":400,"code":"X","oauth":"x","aadsts":1})";
  std::string rows;
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    rows += (i > 0 ? ",\"" : "\"") + std::string(to_string(static_cast<Errc>(i))) + "\":" + row;
  }
  auto text = [](const std::string& all) {
    return R"({"errors":{)" + all + R"(},"statuses":{"404":"NotFound"}})";
  };
  EXPECT_TRUE(ErrorTable::parse(text(rows)).ok());
  EXPECT_FALSE(ErrorTable::parse(text(rows + ",\"other\":" + row)).ok());
  auto missing = ErrorTable::parse(text(rows.substr(rows.find("\"invalid_body\""))));
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("invalid_input"), std::string::npos);
  EXPECT_FALSE(ErrorTable::parse("{}").ok());
  EXPECT_FALSE(ErrorTable::parse("").ok());
}

TEST(Limits, HaveAValueAUnitAndASourceInEveryProfile) {
  auto limits = Limits::load();
  ASSERT_TRUE(limits.ok()) << limits.error().message;
  for (Profile profile : {Profile::y2021, Profile::y2025, Profile::y2026}) {
    EXPECT_GT(limits->all(profile).size(), 20u);
  }
  EXPECT_EQ(limits->value(Profile::y2021, "concurrent_sessions"), 25u);
  EXPECT_EQ(limits->value(Profile::y2025, "concurrent_sessions"), 25u);
  EXPECT_EQ(limits->value(Profile::y2026, "concurrent_sessions"), 50u);
  EXPECT_EQ(limits->duration(Profile::y2021, "queue"), std::chrono::hours(72));
  EXPECT_EQ(limits->duration(Profile::y2025, "queue"), std::chrono::hours(72));
  EXPECT_EQ(limits->duration(Profile::y2026, "queue"), std::chrono::hours(2));
}

// The defaults of the services are the default profile's numbers.
TEST(Limits, AgreeWithTheDefaultsOfLiveResponse) {
  auto limits = Limits::load();
  ASSERT_TRUE(limits.ok());
  LiveResponseLimits d;
  auto duration = [&](std::string_view name) { return limits->duration(Profile::y2026, name); };
  auto value = [&](std::string_view name) { return limits->value(Profile::y2026, name); };
  EXPECT_EQ(duration("queue"), d.queue);
  EXPECT_EQ(duration("script_timeout"), d.script_timeout);
  EXPECT_EQ(duration("put_file_timeout"), d.put_file_timeout);
  EXPECT_EQ(duration("get_file_timeout"), d.get_file_timeout);
  EXPECT_EQ(duration("window_slack"), d.window_slack);
  EXPECT_EQ(duration("link_lifetime"), d.link_lifetime);
  EXPECT_EQ(duration("cancel_wait"), d.cancel_wait);
  EXPECT_EQ(value("concurrent_sessions"), d.active_max);
  EXPECT_EQ(value("output_bytes"), d.output_bytes_max);
  EXPECT_EQ(value("get_file_bytes"), d.get_file_bytes_max);
  EXPECT_EQ(value("upload_bytes"), d.upload_bytes_max);
}

TEST(Limits, AFileWithAMistakeIsRefused) {
  std::string good =
      R"({"limits":[{"name":"a","unit":"s","source":"x","2021":1,"2025":2,"2026":3}]})";
  EXPECT_TRUE(Limits::parse(good).ok());
  EXPECT_FALSE(Limits::parse(R"({"limits":[{"name":"a","unit":"s","source":"x","2021":1}]})").ok());
  EXPECT_FALSE(
      Limits::parse(R"({"limits":[{"name":"a","unit":"s","2021":1,"2025":2,"2026":3}]})").ok());
  EXPECT_FALSE(Limits::parse(R"({"limits":[{"name":"a","unit":"s","source":"x","2021":-1,)"
                             R"("2025":2,"2026":3}]})")
                   .ok());
  EXPECT_FALSE(Limits::parse(R"({"limits":{}})").ok());
}

TEST(Profiles, AreNamedByTheirYear) {
  EXPECT_EQ(parse_profile("2021"), Profile::y2021);
  EXPECT_EQ(parse_profile("2026"), Profile::y2026);
  EXPECT_FALSE(parse_profile("2024"));
  EXPECT_FALSE(parse_profile(""));
}

TEST(Envelope, EveryServiceErrorAnswersCompactJsonWithCodeMessageAndAFreshTarget) {
  test::World world(test::World::without_rates());
  std::string earlier;
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    Errc code = static_cast<Errc>(i);
    world.live.failure = Error{code, "inner words"};
    auto reply = world.run(test::kRunBody);
    auto table = ErrorTable::load();
    EXPECT_EQ(reply.status, table->row(code).status) << to_string(code);
    EXPECT_EQ(reply.code(), table->row(code).code);
    EXPECT_TRUE((UuidId<struct T>::parse(reply.target()).has_value())) << reply.body;
    EXPECT_NE(reply.target(), earlier);
    earlier = reply.target();
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
    EXPECT_EQ(reply.header("Cache-Control"), "no-store");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.header("OData-Version"), "4.0");
    EXPECT_EQ(reply.body.find("\": "), std::string::npos);
    if (reply.status >= 500) {
      EXPECT_EQ(reply.body.find("inner"), std::string::npos) << reply.body;
    }
    if (reply.status == 429 || reply.status == 503) {
      EXPECT_NE(reply.header("Retry-After"), "");
    }
  }
}

TEST(Envelope, WhatTheConnectionRefusesHasTheSameShape) {
  test::World world;
  for (int status : {400, 408, 413, 414, 431, 500, 501, 505, 418}) {
    auto response = world.api->render_error(status, "the \"reason\"");
    EXPECT_EQ(response.status, status);
    test::Reply reply{status, response.headers, response.body};
    EXPECT_FALSE(reply.code().empty());
    EXPECT_EQ(reply.message(), "the \"reason\"");
    EXPECT_EQ(reply.target().size(), 36u);
  }
}

TEST(RestApi, IsNotMadeWithAPublicUrlThatIsNone) {
  for (std::string url : {"api.example", "ftp://api.example", "https://", "https://a/b",
                          "https://user@a", "https://a b", "https://a?x"}) {
    test::World world;
    EXPECT_FALSE(world.api->set_public_url(url).ok()) << url;
  }
  test::World world;
  EXPECT_TRUE(world.api->set_public_url("https://127.0.0.1:8443/").ok());
  auto reply = world.get("/api/machines", "Machine.Read.All");
  EXPECT_NE(reply.body.find("\"https://127.0.0.1:8443/api/$metadata#Machines\""),
            std::string::npos);
}

}  // namespace
}  // namespace reachback::server::rest
