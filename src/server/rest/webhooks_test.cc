// /api/reachback/webhooks over fakes: shapes, refusals, what is never shown.
#include <gtest/gtest.h>

#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using test::Reply;
using test::UserWorld;
using test::World;

const std::string kHooks = "/api/reachback/webhooks";
const std::string kManage = "Reachback.Manage";

class WebhooksApi : public ::testing::Test {
 protected:
  WebhooksApi() {
    world_.settings.webhooks->set_hooks([](const Result<void>& set) { EXPECT_TRUE(set.ok()); });
  }
  Reply get(const std::string& path) { return world_.get(kHooks + path, kManage); }
  Reply test(const std::string& name) {
    return world_.post(kHooks + "/" + name + "/test", kManage, "");
  }
  UserWorld world_{World::without_rates()};
};

TEST_F(WebhooksApi, a_test_is_made_and_the_log_has_it) {
  const Reply made = test("soar");
  ASSERT_EQ(made.status, 201) << made.body;
  const json::Object d = made.object();
  EXPECT_EQ(d.at("webhook").as_string(), "soar");
  EXPECT_EQ(d.at("type").as_string(), "webhook.test");
  EXPECT_EQ(d.at("state").as_string(), "waiting");
  EXPECT_EQ(d.at("attempts").as_int64(), 0);
  EXPECT_TRUE(d.at("lastAttempt").is_null());
  EXPECT_TRUE(d.at("nextAttempt").is_string());
  EXPECT_TRUE(d.at("status").is_null());
  EXPECT_TRUE(d.at("error").is_null());
  EXPECT_EQ(get("/soar/deliveries").body, "{\"value\":[" + made.body + "]}");
  EXPECT_EQ(get("/soar/deliveries?before=1").body, R"({"value":[]})");
}

TEST_F(WebhooksApi, the_list_shows_no_secret_and_how_the_last_one_went) {
  ASSERT_EQ(test("soar").status, 201);
  world_.scheduler.pass(Duration::zero());
  ASSERT_EQ(world_.webhook_sender.sent.size(), 1u);
  world_.webhook_sender.answer(404);
  const Reply all = get("");
  ASSERT_EQ(all.status, 200);
  EXPECT_EQ(all.body.find("secret"), std::string::npos);
  const json::Object hook = all.object().at("value").as_array().at(0).as_object();
  EXPECT_EQ(hook.at("name").as_string(), "soar");
  EXPECT_EQ(hook.at("waiting").as_int64(), 0);
  EXPECT_EQ(hook.at("last").as_object().at("error").as_string(), "answered 404");
  EXPECT_EQ(hook.at("last").as_object().at("state").as_string(), "givenUp");
}

TEST_F(WebhooksApi, what_is_wrong_is_named) {
  EXPECT_EQ(test("none").status, 404);
  EXPECT_EQ(get("/none/deliveries").status, 404);
  const std::pair<const char*, const char*> cases[] = {{"?$top=0", "$top"},
                                                       {"?$top=1001", "$top"},
                                                       {"?$filter=a", "$filter"},
                                                       {"?before=x", "before"},
                                                       {"?before=1&before=2", "before"}};
  for (const auto& [query, named] : cases) {
    const Reply refused = get(std::string("/soar/deliveries") + query);
    EXPECT_EQ(refused.status, 400) << query;
    EXPECT_NE(refused.body.find(named), std::string::npos) << refused.body;
  }
}

}  // namespace
}  // namespace reachback::server::rest
