// The client against a real server of the net layer, over plain HTTP on loopback.
#include "cli/api.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/mutex.h"
#include "net/http_server.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;

struct Seen {
  std::string method, target, authorization, body;
  std::string range, if_range, last_event_id, accept;
};

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = net::HttpServer::listen(
        loops_, "127.0.0.1:0", nullptr, {},
        [this](std::shared_ptr<net::Exchange> exchange) { take(std::move(exchange)); });
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
    config_.url = "http://" + server_->address();
    config_.tenant = "my-tenant";
    config_.client_id = "id";
    config_.client_secret = Secret("s&cret");
  }
  void TearDown() override {
    MutexLock lock(mutex_);
    unanswered_.clear();
  }
  void take(std::shared_ptr<net::Exchange> exchange) {
    exchange->read_body(1 << 20, [this, exchange](std::shared_ptr<const net::Body> body) {
      const net::Request& request = exchange->request();
      Seen seen{request.method,
                request.target,
                std::string(request.headers.get("Authorization").value_or("")),
                body ? std::string(body->view()) : "",
                std::string(request.headers.get("Range").value_or("")),
                std::string(request.headers.get("If-Range").value_or("")),
                std::string(request.headers.get("Last-Event-ID").value_or("")),
                std::string(request.headers.get("Accept").value_or(""))};
      {
        MutexLock lock(mutex_);
        seen_.push_back(seen);
      }
      if (request.path() == "/my-tenant/oauth2/v2.0/token") {
        net::Response response;
        response.status = token_status_;
        response.body =
            token_status_ == 200
                ? R"({"token_type":"Bearer","expires_in":3599,"access_token":"tok)" +
                      std::to_string(++tokens_) + "\"}"
                : R"({"error":"invalid_client","error_description":"AADSTS7000215: wrong"})";
        exchange->respond(response);
        return;
      }
      if (auto response = handler_(seen)) {
        exchange->respond(*response);
      } else {
        MutexLock lock(mutex_);
        unanswered_.push_back(exchange);
      }
    });
  }
  std::unique_ptr<Api> open(bool watch_interrupts = false) {
    auto api = Api::create(config_, application_tokens(config_), watch_interrupts);
    EXPECT_TRUE(api.ok());
    return std::move(*api);
  }
  std::vector<Seen> seen() {
    MutexLock lock(mutex_);
    return seen_;
  }
  static net::Response reply(int status, std::string body) {
    net::Response out;
    out.status = status;
    out.body = std::move(body);
    return out;
  }

  Mutex mutex_;
  std::vector<Seen> seen_ RB_GUARDED_BY(mutex_);
  std::atomic<int> tokens_{0};
  std::atomic<int> token_status_{200};
  std::function<std::optional<net::Response>(const Seen&)> handler_;
  Config config_;
  net::LoopPool loops_{1};
  std::unique_ptr<net::HttpServer> server_;
  // None outlives its loop.
  std::vector<std::shared_ptr<net::Exchange>> unanswered_ RB_GUARDED_BY(mutex_);
};

TEST_F(ApiTest, one_token_serves_all_calls) {
  handler_ = [](const Seen& s) { return reply(200, s.method + " " + s.body); };
  auto api = open();
  EXPECT_EQ(*api->get("/api/machines", seconds(5)), "GET ");
  EXPECT_EQ(*api->post("/api/x", "{}", "application/json"), "POST {}");
  EXPECT_TRUE(api->remove("/api/libraryfiles/a").ok());
  auto calls = seen();
  ASSERT_EQ(calls.size(), 4u);
  EXPECT_EQ(calls[0].body,
            "grant_type=client_credentials&client_id=id&client_secret=s%26cret&scope=" +
                std::string("http%3A%2F%2F127.0.0.1%3A") +
                config_.url.substr(config_.url.rfind(':') + 1) + "%2F.default");
  EXPECT_EQ(calls[0].authorization, "");
  EXPECT_EQ(calls[3].authorization, "Bearer tok1");
}

TEST_F(ApiTest, a_refused_token_is_renewed_once) {
  handler_ = [](const Seen& s) {
    return s.authorization == "Bearer tok2" ? reply(200, "fine") : reply(401, "{}");
  };
  EXPECT_EQ(*open()->get("/api/x"), "fine");
  handler_ = [](const Seen&) { return reply(401, "{}"); };
  auto refused = open()->get("/api/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  EXPECT_EQ(tokens_, 4);
}

TEST_F(ApiTest, a_wrong_secret_is_said_without_the_secret) {
  token_status_ = 401;
  auto refused = open()->get("/api/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("invalid_client"), std::string::npos);
  EXPECT_NE(refused.error().message.find("REACHBACK_CLIENT_SECRET"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("s&cret"), std::string::npos);
}

TEST_F(ApiTest, too_many_requests_are_waited_out) {
  std::atomic<int> calls{0};
  handler_ = [&calls](const Seen&) {
    net::Response busy = reply(429, "{}");
    busy.headers.set("Retry-After", "1");
    return ++calls == 1 ? busy : reply(200, "later");
  };
  EXPECT_EQ(*open()->get("/api/x"), "later");
  handler_ = [](const Seen&) {
    net::Response busy = reply(429, R"({"error":{"code":"TooManyRequests","message":"m"}})");
    busy.headers.set("Retry-After", "3600");
    return busy;
  };
  auto refused = open()->get("/api/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::too_many_requests);
}

TEST_F(ApiTest, a_link_is_fetched_in_pieces_and_without_the_token) {
  std::string content(3 << 20, 'x');
  handler_ = [&content](const Seen& s) {
    return s.target.starts_with("/blob") ? reply(200, content) : reply(200, "{}");
  };
  auto api = open();
  ASSERT_TRUE(api->get("/api/x").ok());
  for (const std::string& origin :
       {config_.url,
        std::string("http://localhost:") + config_.url.substr(config_.url.rfind(':') + 1)}) {
    std::size_t bytes = 0, largest = 0;
    auto done = api->download(origin + "/blob?sig=1", [&](std::string_view piece) {
      bytes += piece.size();
      largest = std::max(largest, piece.size());
      return true;
    });
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(bytes, content.size());
    EXPECT_LT(largest, content.size());
    EXPECT_EQ(seen().back().authorization, "");
    ASSERT_TRUE(api->get("/api/x").ok());  // the API is still reached afterwards
  }
}

TEST_F(ApiTest, a_refused_or_aborted_download_is_an_error) {
  handler_ = [](const Seen& s) {
    return s.target == "/gone" ? reply(403, "<Error><Code>AuthenticationFailed</Code></Error>")
                               : reply(200, std::string(1 << 20, 'x'));
  };
  auto api = open();
  int pieces = 0;
  auto refused = api->download(config_.url + "/gone", [&pieces](std::string_view) {
    ++pieces;
    return true;
  });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::forbidden);
  EXPECT_NE(refused.error().message.find("AuthenticationFailed"), std::string::npos);
  EXPECT_EQ(pieces, 0);
  EXPECT_FALSE(api->download(config_.url + "/blob", [](std::string_view) { return false; }).ok());
  EXPECT_TRUE(api->get("/api/x").ok());
}

TEST_F(ApiTest, a_download_that_broke_goes_on_where_it_was) {
  std::string range, if_range;
  handler_ = [&](const Seen& s) {
    net::Response part =
        reply(s.range.empty() ? 200 : 206, s.range.empty() ? "0123456789" : "456789");
    part.headers.set("ETag", "\"e\"");
    range = s.range;
    if_range = s.if_range;
    return part;
  };
  auto api = open();
  Download progress;
  std::string got;
  const auto take = [&got](std::string_view piece) {
    got += piece;
    return true;
  };
  ASSERT_TRUE(api->download(config_.url + "/blob", take, &progress).ok());
  EXPECT_EQ(progress.bytes, 10u);
  EXPECT_EQ(progress.total, 10u);
  progress.bytes = 4;
  got = "0123";
  ASSERT_TRUE(api->download(config_.url + "/blob", take, &progress).ok());
  EXPECT_EQ(range, "bytes=4-");
  EXPECT_EQ(if_range, "\"e\"");
  EXPECT_EQ(got, "0123456789");
  EXPECT_EQ(progress.total, 10u);
}

TEST_F(ApiTest, a_server_that_sends_the_whole_again_repeats_nothing_and_another_blob_is_an_error) {
  std::string etag = "\"e\"";
  handler_ = [&etag](const Seen&) {
    net::Response whole = reply(200, "0123456789");
    whole.headers.set("ETag", etag);
    return whole;
  };
  auto api = open();
  Download progress;
  progress.bytes = 4;
  progress.etag = etag;
  std::string got = "0123";
  const auto take = [&got](std::string_view piece) {
    got += piece;
    return true;
  };
  ASSERT_TRUE(api->download(config_.url + "/blob", take, &progress).ok());
  EXPECT_EQ(got, "0123456789");
  progress.bytes = 4;
  etag = "\"other\"";
  EXPECT_EQ(api->download(config_.url + "/blob", take, &progress).error().code, Errc::mismatch);
  EXPECT_EQ(got, "0123456789");
}

TEST_F(ApiTest, events_are_followed_with_a_token_and_from_the_last_one) {
  handler_ = [](const Seen& s) {
    return s.target == "/none"
               ? reply(404, R"({"error":{"code":"NotFound","message":"m"}})")
               : reply(200, s.authorization + " " + s.last_event_id + " " + s.accept);
  };
  auto api = open();
  std::string got;
  const auto take = [&got](std::string_view piece) {
    got += piece;
    return true;
  };
  ASSERT_TRUE(api->follow("/events", "", std::nullopt, take).ok());
  ASSERT_TRUE(api->follow("/events", "17", std::nullopt, take).ok());
  EXPECT_EQ(got, "Bearer tok1  text/event-streamBearer tok1 17 text/event-stream");
  auto none = api->follow("/none", "", std::nullopt, take);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_EQ(got.find("NotFound"), std::string::npos);
}

TEST_F(ApiTest, following_ends_in_time) {
  handler_ = [](const Seen&) { return std::optional<net::Response>(); };
  auto api = open();
  const auto start = std::chrono::steady_clock::now();
  auto late = api->follow("/events", "", start + std::chrono::milliseconds(50),
                          [](std::string_view) { return true; });
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Errc::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
}

TEST_F(ApiTest, conversations_beside_each_other_share_one_token) {
  handler_ = [](const Seen& s) { return reply(200, s.authorization); };
  auto api = open();
  auto beside = api->another();
  ASSERT_TRUE(beside.ok());
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (Api* one : {api.get(), beside->get()}) {
    threads.emplace_back([one, &good] {
      for (int i = 0; i < 5; ++i) {
        good += one->get("/api/x", seconds(5)).ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, 10);
  EXPECT_EQ(tokens_, 1);
}

TEST_F(ApiTest, an_upload_tells_how_far_it_is) {
  handler_ = [](const Seen&) { return reply(200, "{}"); };
  auto api = open();
  std::uint64_t last = 0;
  int calls = 0;
  const std::string body(1 << 19, 'x');
  ASSERT_TRUE(api->post("/api/x", body, "text/plain", {},
                        [&](std::uint64_t sent) {
                          EXPECT_GT(sent, last);
                          last = sent;
                          ++calls;
                        })
                  .ok());
  EXPECT_GE(last, body.size());
  EXPECT_GT(calls, 1);
}

TEST_F(ApiTest, a_server_that_is_not_there_is_unavailable) {
  config_.url = "http://127.0.0.1:1";
  auto refused = open()->get("/api/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("http://127.0.0.1:1"), std::string::npos);
}

TEST_F(ApiTest, an_unreadable_ca_is_named) {
  config_.url = "https://127.0.0.1:1";
  config_.ca = "/nowhere/ca.pem";
  auto api = Api::create(config_, application_tokens(config_), false);
  ASSERT_FALSE(api.ok());
  EXPECT_NE(api.error().message.find("/nowhere/ca.pem"), std::string::npos);
}

TEST_F(ApiTest, an_interruption_ends_the_call_and_one_more_can_be_made) {
  handler_ = [](const Seen& s) -> std::optional<net::Response> {
    if (s.target == "/api/slow") {
      std::raise(SIGINT);
      return std::nullopt;
    }
    return reply(200, "fast");
  };
  auto api = open(/*watch_interrupts=*/true);
  auto slow = api->get("/api/slow");
  ASSERT_FALSE(slow.ok());
  EXPECT_TRUE(api->interrupted());
  EXPECT_FALSE(api->pause(seconds(10)));
  EXPECT_FALSE(api->get("/api/x").ok());
  api->clear_interrupt();
  EXPECT_EQ(*api->get("/api/x"), "fast");
}

TEST_F(ApiTest, calls_are_traced_and_a_signed_link_without_its_signature) {
  handler_ = [](const Seen& s) {
    return s.target == "/busy"   ? reply(400, R"({"error":{"code":"ActiveRequestAlreadyExists"}})")
           : s.target == "/late" ? reply(409, R"({"error":{"code":"Conflict"}})")
                                 : reply(200, "{}");
  };
  auto api = open();
  std::vector<std::string> told;
  api->trace([&told](std::string_view method, std::string_view target, int status,
                     std::chrono::milliseconds) {
    told.push_back(std::string(method) + " " + std::string(target) + " " + std::to_string(status));
  });
  EXPECT_TRUE(api->get("/a?b=c").ok());
  EXPECT_EQ(api->get("/busy").error().code, Errc::already_active);
  EXPECT_EQ(api->get("/late").error().code, Errc::conflict);
  EXPECT_TRUE(
      api->download(config_.url + "/blob?sig=secret", [](std::string_view) { return true; }).ok());
  EXPECT_EQ(told,
            (std::vector<std::string>{"POST /my-tenant/oauth2/v2.0/token 200", "GET /a?b=c 200",
                                      "GET /busy 400", "GET /late 409", "GET /blob 200"}));
}

}  // namespace
}  // namespace reachback::cli
