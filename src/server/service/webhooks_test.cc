#include "server/service/webhooks.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/fake_webhooks.h"
#include "testing/seeded_random.h"

namespace reachback::server {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const TenantId kTenant = *TenantId::from_bytes(std::string(16, 't'));
const std::string kSecret(32, 's');
const std::string kBoth[] = {std::string(kActionCompleted), std::string(kMachineOnline)};

class WebhooksTest : public ::testing::Test {
 protected:
  WebhooksTest() { make(); }
  ~WebhooksTest() override { hooks_->stop(); }

  // As after a restart: what is kept stays.
  void make() {
    if (hooks_) {
      hooks_->stop();
    }
    hooks_ = Webhooks::create(
        {store_, sender_, scheduler_, clock_, random_,
         [this](const std::string& type, const std::string& object, Done<std::string> done) {
           described_.push_back(type + " " + object);
           done(data_);
         }},
        kTenant,
        {{"soar", "https://soar.example", {kBoth[0], kBoth[1]}, Secret(kSecret)},
         {"chat", "https://chat.example", {kBoth[1]}, Secret(kSecret)}});
    hooks_->set_hooks([](const Result<void>& set) { ASSERT_TRUE(set.ok()); });
    hooks_->start();
  }
  void happens(const std::string& type, const std::string& object) {
    WebhookDelivery d;
    d.type = type;
    d.object = object;
    d.event = "evt_" + object;
    d.happened = clock_.now();
    store_.events.push_back(d);
    hooks_->hint();
    turn();
  }
  // What is posted to the loop, without the ticks.
  void turn() { scheduler_.pass(Duration::zero()); }
  void pass(Duration by) {
    clock_.advance(by);
    scheduler_.pass(Webhooks::kTick);
  }
  void answer(const Result<int>& status) {
    sender_.answer(status);
    turn();
  }
  std::size_t sent() const { return sender_.sent.size(); }
  std::string header(const std::string& name) const {
    for (const auto& [key, value] : sender_.sent.back().first.headers) {
      if (key == name) {
        return value;
      }
    }
    return "";
  }
  const WebhookDelivery& first() const { return store_.kept.front(); }

  testing::FakeWebhookStore store_;
  testing::FakeHookSender sender_;
  testing::FakeScheduler scheduler_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  Result<std::string> data_ = std::string(R"({"machineAction":{}})");
  std::vector<std::string> described_;
  std::shared_ptr<Webhooks> hooks_;
};

TEST_F(WebhooksTest, an_event_goes_once_signed_to_the_hooks_that_want_it) {
  happens(kBoth[0], "a1");
  ASSERT_EQ(sent(), 1u);
  const HookMessage& message = sender_.sent.back().first;
  EXPECT_EQ(message.hook, "soar");
  EXPECT_EQ(message.body, R"({"type":"action.completed","timestamp":")" +
                              format_time(clock_.now()) + R"(","data":{"machineAction":{}}})");
  EXPECT_EQ(header("webhook-id"), "evt_a1");
  const std::string text = "evt_a1." + header("webhook-timestamp") + "." + message.body;
  EXPECT_EQ(header("webhook-signature"),
            "v1," + to_base64(as_bytes(crypto::hmac_sha256(kSecret, text))));
  answer(204);
  EXPECT_EQ(first().state, DeliveryState::delivered);
  EXPECT_EQ(first().attempts, 1u);
  EXPECT_EQ(first().status, 204);
  pass(hours(24));
  EXPECT_EQ(sent(), 1u);
  happens(kBoth[1], "m1");
  EXPECT_EQ(sent(), 3u);  // both hooks want it
}

// The example of the Standard Webhooks specification's libraries, computed by them.
TEST(WebhookSignature, is_the_standards) {
  EXPECT_EQ(
      webhook_signature(*from_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_F(WebhooksTest, what_is_not_taken_is_sent_again_for_a_day_and_then_given_up) {
  happens(kBoth[0], "a1");
  Duration whole{};
  std::uint32_t failed = 0;
  while (first().state == DeliveryState::waiting) {
    const Timestamp before = clock_.now();
    answer(failed % 2 == 0 ? Result<int>(503) : Result<int>(Error{Errc::timed_out, "silence"}));
    ++failed;
    EXPECT_EQ(first().error, failed % 2 == 1 ? "answered 503" : "silence");
    if (first().state != DeliveryState::waiting) {
      break;
    }
    const Duration pause = first().next - before;
    EXPECT_GE(pause, *webhook_pause(failed) * 4 / 5) << failed;
    EXPECT_LE(pause, *webhook_pause(failed) * 6 / 5) << failed;
    const std::size_t so_far = sent();
    pass(pause - seconds(1));
    EXPECT_EQ(sent(), so_far) << failed;
    pass(seconds(1));
    EXPECT_EQ(sent(), so_far + 1) << failed;
    EXPECT_EQ(header("webhook-id"), "evt_a1");
    whole += pause;
  }
  EXPECT_EQ(failed, 11u);
  EXPECT_GT(whole, hours(18));
  EXPECT_LT(whole, hours(30));
  EXPECT_EQ(first().state, DeliveryState::given_up);
}

TEST_F(WebhooksTest, one_that_fails_holds_up_no_other) {
  happens(kBoth[0], "a1");
  happens(kBoth[0], "a2");
  ASSERT_EQ(sent(), 1u);  // one at a time
  answer(500);
  ASSERT_EQ(sent(), 2u);
  EXPECT_EQ(header("webhook-id"), "evt_a2");
  answer(200);
  pass(minutes(1));
  ASSERT_EQ(sent(), 3u);
  EXPECT_EQ(header("webhook-id"), "evt_a1");
}

TEST_F(WebhooksTest, a_redirect_is_a_failure) {
  happens(kBoth[0], "a1");
  answer(307);
  EXPECT_EQ(first().state, DeliveryState::waiting);
  EXPECT_EQ(first().error, "answered 307: redirects are not followed");
}

TEST_F(WebhooksTest, what_was_under_way_is_sent_again_after_a_restart) {
  happens(kBoth[0], "a1");
  ASSERT_EQ(sent(), 1u);
  make();
  turn();
  ASSERT_EQ(sent(), 2u);
  EXPECT_EQ(header("webhook-id"), "evt_a1");
  answer(200);
  EXPECT_EQ(first().state, DeliveryState::delivered);
}

TEST_F(WebhooksTest, an_event_that_nobody_hinted_at_is_found_by_the_tick) {
  WebhookDelivery d;
  d.type = kBoth[0];
  d.object = d.event = "a1";
  store_.events.push_back(d);
  EXPECT_EQ(sent(), 0u);
  pass(seconds(1));
  EXPECT_EQ(sent(), 1u);
}

TEST_F(WebhooksTest, what_cannot_be_described_now_is_tried_later_and_what_is_gone_is_given_up) {
  data_ = Error{Errc::unavailable, "the store is busy"};
  happens(kBoth[0], "a1");
  EXPECT_EQ(sent(), 0u);
  EXPECT_EQ(first().error, "the store is busy");
  EXPECT_EQ(first().state, DeliveryState::waiting);
  data_ = Error{Errc::not_found, "no such action"};
  pass(minutes(1));
  EXPECT_EQ(first().state, DeliveryState::given_up);
}

TEST_F(WebhooksTest, a_test_is_attempted_once) {
  WebhookDelivery made;
  ChangedBy ann;
  ann.principal = "ann@example.com";
  hooks_->test("soar", ann, [&](const Result<WebhookDelivery>& d) { made = *d; });
  turn();
  EXPECT_EQ(made.type, kWebhookTest);
  EXPECT_EQ(made.object, "ann@example.com");
  ASSERT_EQ(sent(), 1u);
  EXPECT_TRUE(described_.empty());
  EXPECT_NE(sender_.sent.back().first.body.find(R"("data":{}})"), std::string::npos);
  answer(Error{Errc::forbidden, "no address of it may be called"});
  EXPECT_EQ(first().state, DeliveryState::given_up);
  std::optional<Errc> refused;
  hooks_->test("none", {}, [&](const Result<WebhookDelivery>& d) { refused = d.error().code; });
  EXPECT_EQ(refused, Errc::not_found);
}

TEST_F(WebhooksTest, a_list_tells_how_many_wait_and_how_the_last_went) {
  happens(kBoth[0], "a1");
  happens(kBoth[0], "a2");
  answer(500);
  std::vector<WebhookStatus> all;
  hooks_->list([&](Result<std::vector<WebhookStatus>> r) { all = *r; });
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "soar");
  EXPECT_EQ(all[0].counts.waiting, 2u);
  EXPECT_EQ(all[0].counts.last->status, 500);
  EXPECT_FALSE(all[1].counts.last);
}

TEST_F(WebhooksTest, nothing_is_sent_after_a_stop) {
  hooks_->stop();
  happens(kBoth[0], "a1");
  pass(minutes(1));
  EXPECT_EQ(sent(), 0u);
}

}  // namespace
}  // namespace reachback::server
