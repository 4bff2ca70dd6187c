#include "net/http_server.h"

#include <atomic>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "net/test_support.h"

namespace reachback::net {
namespace {

// The parameter: with TLS or without.
class HttpServerTest : public NetTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    options_.head_timeout = std::chrono::milliseconds(300);
    options_.body_grace = std::chrono::milliseconds(300);
    // Fast enough that no test runs into it by being slow itself.
    options_.idle_timeout = std::chrono::seconds(60);
  }
  void serve(HttpHandler handler) {
    server_ = HttpServer::listen(pool_, "127.0.0.1:0", GetParam() ? server_tls() : nullptr,
                                 options_, std::move(handler))
                  .value();
  }
  // Answers with method and target after the body is read; counts the requests.
  void serve_echo() {
    serve([this](std::shared_ptr<Exchange> exchange) {
      ++requests_;
      exchange->read_body(1 << 20, [exchange](std::shared_ptr<const Body> body) {
        exchange->respond(text_response(200, exchange->request().method + " " +
                                                 exchange->request().target + " " +
                                                 std::string(body->view())));
      });
    });
  }
  RawClient connect() { return RawClient(server_->address(), GetParam()); }

  HttpServerOptions options_;
  std::atomic<int> requests_{0};
  LoopPool pool_{2};
  std::unique_ptr<HttpServer> server_;
};

INSTANTIATE_TEST_SUITE_P(PlainAndTls, HttpServerTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "Tls" : "Plain"; });

TEST_P(HttpServerTest, Bad_input_gets_its_pinned_answer_and_the_connection_is_closed) {
  serve_echo();
  const std::string get = "GET / HTTP/1.1\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  std::string many;
  for (int i = 0; i < 101; ++i) {
    many += "a" + std::to_string(i) + ": b\r\n";
  }
  struct Case {
    const char* name;
    std::string bytes;
    int status;
  };
  const Case cases[] = {
      {"1 length and chunked",
       post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"2 two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {"3 unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"4 space before the colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"5 chunk size", chunked + "FFFFFFFFFFFFFFFFF\r\n", 400},
      {"6 chunk extension", chunked + "5;" + std::string(64 << 10, 'x') + "\r\nhello\r\n0\r\n\r\n",
       400},
      {"7 bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"7 bare CR", "GET / HTTP/1.1\rHost: h\r\r", 400},
      {"8 folded line", get + "Host: h\r\nA: b\r\n c\r\n\r\n", 400},
      {"9 NUL", get + std::string("Host: h\r\nA: b\0c\r\n\r\n", 19), 400},
      {"9 control character", get + "Host: h\r\nA: b\x0b\r\n\r\n", 400},
      {"10 large head", get + "Host: h\r\nA: " + std::string(17 << 10, 'b') + "\r\n\r\n", 431},
      {"10 many fields", get + "Host: h\r\n" + many + "\r\n", 431},
      {"11 long request line", "GET /" + std::string(9 << 10, 'a') + " HTTP/1.1\r\n", 414},
      {"12 no Host", get + "\r\n", 400},
      {"12 two Hosts", get + "Host: h\r\nHost: h\r\n\r\n", 400},
      {"14 HTTP/0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
      {"14 HTTP/3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
      {"16 slow head", "GET / HTTP/1.1\r\nHos", 408},
      {"17 slow body", post + "Content-Length: 5\r\n\r\nh", 408},
      {"17 slow chunk", chunked + "5\r\nh", 408},
  };
  for (const auto& c : cases) {
    requests_ = 0;
    RawClient client(server_->address(), GetParam());
    ASSERT_TRUE(client.connected());
    client.send(c.bytes);
    std::string answer = client.receive_until_close();
    EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 " + std::to_string(c.status) + " ") << c.name;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << c.name;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << c.name << ": one answer";
    EXPECT_LE(requests_, 1) << c.name;
  }
}

TEST_P(HttpServerTest, Odd_but_clear_requests_reach_the_handler_as_they_are) {
  serve_echo();
  struct Case {
    const char* name;
    const char* line;
    const char* seen;
  };
  const Case cases[] = {
      {"13 foreign host", "GET http://elsewhere.example/x?y HTTP/1.1", "GET /x?y "},
      {"15 TRACE", "TRACE / HTTP/1.1", "TRACE / "},
      {"15 CONNECT", "CONNECT h:1 HTTP/1.1", "CONNECT h:1 "},
      {"15 FOO", "FOO / HTTP/1.1", "FOO / "},
      {"18 bad escape", "GET /%zz HTTP/1.1", "GET /%zz "},
      {"18 NUL escape", "GET /%00 HTTP/1.1", "GET /%00 "},
      {"18 overlong", "GET /%c0%af HTTP/1.1", "GET /%c0%af "},
      {"18 dots", "GET /..%2f..//;x HTTP/1.1", "GET /..%2f..//;x "},
  };
  auto client = connect();
  for (const auto& c : cases) {
    client.send(std::string(c.line) +
                "\r\nHost: h\r\nConnection: None\r\nAccept-Encoding: None\r\n\r\n");
    EXPECT_NE(client.receive_until(c.seen).find(c.seen), std::string::npos) << c.name;
  }
}

// Row 20.
TEST_P(HttpServerTest, A_request_inside_a_body_is_body) {
  serve_echo();
  std::string inner = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  auto client = connect();
  client.send("POST /outer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(inner.size()) +
              "\r\n\r\n" + inner + "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string answers = client.receive_until_close();
  EXPECT_NE(answers.find("POST /outer " + inner), std::string::npos);
  EXPECT_NE(answers.find("GET /next "), std::string::npos);
  EXPECT_EQ(requests_, 2);
}

// Source: trust.md §5.3.19: a body on a GET is read past, and the framing stays safe.
TEST_P(HttpServerTest, A_body_on_a_GET_is_no_request) {
  serve([this](std::shared_ptr<Exchange> exchange) {
    ++requests_;
    exchange->respond(text_response(200, "<" + exchange->request().target + ">"));
  });
  std::string inner = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  auto client = connect();
  client.send("GET /outer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(inner.size()) +
              "\r\n\r\n" + inner + "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string answers = client.receive_until_close();
  EXPECT_NE(answers.find("</outer>"), std::string::npos);
  EXPECT_NE(answers.find("</next>"), std::string::npos);
  EXPECT_EQ(answers.find("smuggled"), std::string::npos);
  EXPECT_EQ(requests_, 2);
}

TEST_P(HttpServerTest, Pipelined_requests_are_answered_in_order_once_each) {
  // Every other answer comes late and from another thread.
  std::vector<std::thread> threads;
  Mutex mutex;
  serve([&](std::shared_ptr<Exchange> exchange) {
    auto answer = [exchange] {
      exchange->respond(text_response(200, "<" + exchange->request().target + ">"));
    };
    if (++requests_ % 2 == 0) {
      MutexLock lock(mutex);
      threads.emplace_back(answer);
    } else {
      answer();
    }
  });
  std::string bytes;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    bool last = i == 199;
    bytes += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n" +
             (i % 3 == 0 ? "Content-Length: 4\r\n" : "Transfer-Encoding: chunked\r\n") +
             (last ? "Connection: close\r\n" : "") + "\r\n" +
             (i % 3 == 0 ? "body" : "3\r\nabc\r\n0\r\n\r\n");
    expected += "</" + std::to_string(i) + ">";
  }
  auto client = connect();
  client.send(bytes);
  std::string answers = client.receive_until_close();
  std::string bodies;
  for (auto at = answers.find("\r\n\r\n"); at != std::string::npos;
       at = answers.find("\r\n\r\n", at + 4)) {
    bodies += answers.substr(at + 4, answers.find('>', at) - at - 3);
  }
  EXPECT_EQ(bodies, expected);
  server_.reset();  // Its handler uses what stands here.
  for (auto& thread : threads) {
    thread.join();
  }
}

TEST_P(HttpServerTest, HTTP_1_0_and_Connection_close_end_the_connection) {
  serve_echo();
  for (std::string request : {"GET /a HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
                              "GET /a HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n"}) {
    auto client = connect();
    client.send(request);
    std::string answer = client.receive_until_close();
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
    EXPECT_NE(answer.find("GET /a "), std::string::npos);
  }
}

TEST_P(HttpServerTest, HEAD_tells_the_length_and_sends_nothing) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->respond(text_response(200, "twelve bytes"));
  });
  auto client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string answer = client.receive_until_close();
  EXPECT_NE(answer.find("Content-Length: 12\r\n"), std::string::npos);
  EXPECT_EQ(answer.substr(answer.size() - 4), "\r\n\r\n");
}

TEST_P(HttpServerTest, Continue_is_said_when_the_body_is_asked_for) {
  serve_echo();
  auto client = connect();
  client.send(
      "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(client.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_NE(client.receive_until_close().find("PUT / hello"), std::string::npos);
}

TEST_P(HttpServerTest, Without_a_wish_for_the_body_the_answer_comes_at_once_and_closes) {
  serve([](std::shared_ptr<Exchange> exchange) { exchange->respond(text_response(403, "no")); });
  auto client = connect();
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  std::string answer = client.receive_until_close();
  EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 403 ");
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
}

TEST_P(HttpServerTest, A_body_over_the_limit_gets_413_and_the_client_can_read_it) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->read_body(1000, [exchange](auto) { exchange->respond(text_response(200, "")); });
  });
  std::string big(300000, 'x');
  for (std::string head : {"Content-Length: 300000\r\n\r\n" + big,
                           "Transfer-Encoding: chunked\r\n\r\n493E0\r\n" + big + "\r\n0\r\n\r\n"}) {
    auto client = connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\n" + head);
    EXPECT_EQ(client.receive_until_close().substr(0, 13), "HTTP/1.1 413 ");
  }
}

TEST_P(HttpServerTest, An_exchange_dropped_without_an_answer_is_a_500) {
  serve([](std::shared_ptr<Exchange>) {});
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string answer = client.receive_until_close();
  EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 500 ");
}

TEST_P(HttpServerTest, A_second_answer_is_ignored) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->respond(text_response(200, "first"));
    exchange->respond(text_response(200, "second"));
  });
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string answer = client.receive_until_close();
  EXPECT_NE(answer.find("first"), std::string::npos);
  EXPECT_EQ(answer.find("second"), std::string::npos);
}

TEST_P(HttpServerTest, The_renderer_shapes_the_connections_own_answers) {
  options_.render_error = [](int status, std::string_view message) {
    Response response;
    response.headers.add("Content-Type", "application/json");
    response.body = "{" + std::to_string(status) + " " + std::string(message) + "}";
    return response;
  };
  serve_echo();
  auto client = connect();
  client.send("GET / HTTP/9.9\r\n\r\n");
  std::string answer = client.receive_until_close();
  EXPECT_NE(answer.find("application/json"), std::string::npos);
  EXPECT_NE(answer.find("{505 "), std::string::npos);
}

TEST_P(HttpServerTest, An_idle_connection_is_closed_without_a_word) {
  options_.idle_timeout = std::chrono::milliseconds(50);
  serve_echo();
  auto client = connect();
  EXPECT_EQ(client.receive_until_close(), "");
}

TEST_P(HttpServerTest, Connections_spread_over_the_loops) {
  Mutex mutex;
  std::set<Loop*> loops;
  serve([&](std::shared_ptr<Exchange> exchange) {
    EXPECT_TRUE(exchange->loop().on_thread());
    {
      MutexLock lock(mutex);
      loops.insert(&exchange->loop());
    }
    exchange->respond(text_response(200, ""));
  });
  for (int i = 0; i < 4; ++i) {
    auto client = connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client.receive_until_close();
  }
  server_.reset();  // Its handler uses what stands here.
  EXPECT_EQ(loops.size(), 2u);
}

TEST_P(HttpServerTest, Drain_closes_idle_connections_and_waits_for_requests_under_way) {
  auto arrived = std::make_shared<std::promise<std::shared_ptr<Exchange>>>();
  serve([arrived](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().target == "/wait") {
      arrived->set_value(std::move(exchange));
    } else {
      exchange->respond(text_response(200, "done"));
    }
  });
  auto idle = connect();
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.receive_until("done");
  auto busy = connect();
  busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = await(arrived->get_future());
  std::thread drainer([&] { server_->drain(std::chrono::seconds(20)); });
  EXPECT_EQ(idle.receive_until_close(), "");
  exchange->respond(text_response(200, "late"));
  exchange.reset();
  std::string answer = busy.receive_until_close();
  EXPECT_NE(answer.find("late"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  drainer.join();
  EXPECT_FALSE(connect().connected());
}

TEST_P(HttpServerTest, Drain_cuts_what_outlasts_the_grace) {
  auto arrived = std::make_shared<std::promise<std::shared_ptr<Exchange>>>();
  serve([arrived](std::shared_ptr<Exchange> exchange) { arrived->set_value(std::move(exchange)); });
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = await(arrived->get_future());
  server_->drain(std::chrono::milliseconds(50));
  EXPECT_EQ(client.receive_until_close(), "");
  exchange->respond(text_response(200, "nobody hears this"));
}

TEST_P(HttpServerTest, The_server_may_go_while_requests_are_under_way) {
  auto arrived = std::make_shared<std::promise<std::shared_ptr<Exchange>>>();
  serve([arrived](std::shared_ptr<Exchange> exchange) {
    exchange->read_body(100, [exchange](auto) {});
    arrived->set_value(std::move(exchange));
  });
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  auto exchange = await(arrived->get_future());
  server_.reset();
  EXPECT_EQ(client.receive_until_close(), "");
}

}  // namespace
}  // namespace reachback::net
