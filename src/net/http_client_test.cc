#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "net/test_support.h"

namespace reachback::net {
namespace {

class HttpClientTest : public NetTest {
 protected:
  std::unique_ptr<HttpServer> serve(HttpHandler handler,
                                    TlsVersions versions = TlsVersions::tls12_and_13) {
    return HttpServer::listen(pool_, "127.0.0.1:0", server_tls(versions), {}, std::move(handler))
        .value();
  }
  LoopPool pool_{2};
};

TEST_F(HttpClientTest, Gets_an_answer_over_TLS) {
  auto server = serve([](auto exchange) {
    auto response = text_response(200, "hello " + exchange->request().target);
    response.headers.add("X-Peer", exchange->request().peer_ip);
    exchange->respond(std::move(response));
  });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  auto answer = client.get("/a?b=c");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello /a?b=c");
  EXPECT_EQ(answer->headers.get("x-peer"), "127.0.0.1");
  EXPECT_TRUE(answer->headers.get("date").has_value());
  EXPECT_EQ(answer->headers.get("content-length"), "12");
}

TEST_F(HttpClientTest, A_certificate_of_another_CA_is_refused) {
  auto server = serve([](auto exchange) { exchange->respond(text_response(200, "")); });
  SystemClock clock;
  auto other = crypto::make_ca("other CA", clock.now()).value();
  BlockingClient client(
      origin_of(*server, "https"),
      TlsClientContext::create(other.certificate, TlsVersions::tls12_and_13).value());
  auto answer = client.get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_NE(answer.error().message.find("certificate verify failed"), std::string::npos)
      << answer.error().message;
}

TEST_F(HttpClientTest, A_certificate_for_another_name_is_refused) {
  SystemClock clock;
  auto pair = crypto::issue_server_certificate(test_certificates().ca, {"elsewhere.example"}, 30,
                                               clock.now())
                  .value();
  auto server =
      HttpServer::listen(
          pool_, "127.0.0.1:0",
          TlsServerContext::create(pair.certificate, pair.private_key, TlsVersions::tls12_and_13)
              .value(),
          {}, [](auto exchange) { exchange->respond(text_response(200, "")); })
          .value();
  BlockingClient client(origin_of(*server, "https"), client_tls());
  auto answer = client.get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_NE(answer.error().message.find("certificate verify failed"), std::string::npos)
      << answer.error().message;
  // By name the server refuses the handshake itself (row 19).
  Origin by_name = origin_of(*server, "https");
  by_name.host = "localhost";
  BlockingClient named(by_name, client_tls());
  EXPECT_FALSE(named.get("/").ok());
}

TEST_F(HttpClientTest, A_host_name_is_resolved_and_checked) {
  auto server = serve([](auto exchange) {
    exchange->respond(text_response(200, std::string(*exchange->request().headers.get("host"))));
  });
  Origin origin = origin_of(*server, "https");
  origin.host = "localhost";
  BlockingClient client(origin, client_tls());
  auto answer = client.get("/");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "localhost:" + origin.port);
}

TEST_F(HttpClientTest, An_address_that_may_not_be_called_is_not_whatever_name_leads_there) {
  std::atomic<int> served{0};
  auto server = serve([&served](auto exchange) {
    ++served;
    exchange->respond(text_response(200, "inside"));
  });
  for (const char* host : {"127.0.0.1", "localhost"}) {
    Origin origin = origin_of(*server, "https");
    origin.host = host;
    std::vector<std::string> asked;
    std::promise<Result<ClientResponse>> answer;
    std::unique_ptr<HttpClient> client;
    pool_.at(0).post([&] {
      client = HttpClient::create(pool_.at(0), origin, client_tls(), [&asked](std::string_view ip) {
        asked.emplace_back(ip);
        return false;
      });
      client->send({}, [&answer](Result<ClientResponse> r) { answer.set_value(std::move(r)); });
    });
    auto refused = answer.get_future().get();
    ASSERT_FALSE(refused.ok()) << host;
    EXPECT_EQ(refused.error().code, Errc::forbidden);
    EXPECT_NE(refused.error().message.find("no address of it may be called"), std::string::npos);
    EXPECT_FALSE(asked.empty());
    std::promise<void> gone;
    pool_.at(0).post([&] {
      client.reset();
      gone.set_value();
    });
    gone.get_future().get();
  }
  EXPECT_EQ(served, 0);
}

TEST_F(HttpClientTest, A_TLS_1_2_client_is_refused_where_1_3_is_wanted) {
  auto server = serve([](auto exchange) { exchange->respond(text_response(200, "")); },
                      TlsVersions::tls13_only);
  BlockingClient modern(origin_of(*server, "https"), client_tls(TlsVersions::tls13_only));
  EXPECT_TRUE(modern.get("/").ok());
  EXPECT_FALSE(RawClient(server->address(), true, TLS1_2_VERSION).connected());
}

TEST_F(HttpClientTest, Nobody_listening_is_said) {
  auto server = serve([](auto) {});
  Origin origin = origin_of(*server, "https");
  server.reset();
  BlockingClient client(origin, client_tls());
  auto answer = client.get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_NE(answer.error().message.find("connection refused"), std::string::npos)
      << answer.error().message;
}

TEST_F(HttpClientTest, Requests_keep_their_order_and_share_a_connection) {
  std::atomic<int> served{0};
  auto server = serve(
      [&](auto exchange) { exchange->respond(text_response(200, std::to_string(++served))); });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  std::vector<std::future<Result<ClientResponse>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(client.begin({}));
  }
  for (int i = 0; i < 50; ++i) {
    auto answer = await(std::move(answers[static_cast<std::size_t>(i)]));
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->body, std::to_string(i + 1));
  }
}

TEST_F(HttpClientTest, A_silent_server_times_out) {
  std::shared_ptr<Exchange> kept;
  auto server = serve([&](auto exchange) { kept = exchange; });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  ClientRequest request;
  request.timeout = std::chrono::milliseconds(100);
  auto answer = client.send(std::move(request));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::timed_out);
  on_loop(pool_.at(0), [&] { kept.reset(); });
}

TEST_F(HttpClientTest, A_destroyed_client_calls_nobody) {
  auto arrived = std::make_shared<std::promise<std::shared_ptr<Exchange>>>();
  auto server = serve([arrived](auto exchange) { arrived->set_value(exchange); });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  auto future = client.begin({});
  auto exchange = await(arrived->get_future());
  client.destroy_client();
  exchange->respond(text_response(200, ""));
  EXPECT_THROW(await(std::move(future)), std::future_error);  // The promise died unset.
}

TEST_F(HttpClientTest, The_reader_of_an_answer_may_stop_it) {
  auto server = serve(
      [](auto exchange) { exchange->respond(text_response(200, std::string(1 << 20, 'x'))); });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  ClientRequest request;
  int status = 0;
  request.on_head = [&](int s, const Headers&) { status = s; };
  request.on_body = [](std::string_view) { return false; };
  auto answer = client.send(std::move(request));
  EXPECT_FALSE(answer.ok());
  EXPECT_EQ(status, 200);
  EXPECT_TRUE(client.get("/").ok());
}

TEST_F(HttpClientTest, An_answer_over_the_limit_is_refused) {
  auto server =
      serve([](auto exchange) { exchange->respond(text_response(200, std::string(1001, 'x'))); });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  ClientRequest request;
  request.body_bytes_max = 1000;
  auto answer = client.send(std::move(request));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::protocol);
}

TEST_F(HttpClientTest, A_request_that_could_break_its_framing_is_not_sent) {
  auto server = serve([](auto exchange) { exchange->respond(text_response(200, "")); });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  for (const char* target : {"", "x", "/a b", "/\r\nX: y"}) {
    auto answer = client.get(target);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Errc::invalid_input);
  }
}

// A plain server that plays a script: for each connection, for each request, the answer.
class ScriptedServer {
 public:
  using Script = std::vector<std::vector<std::string>>;
  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(listener_, 10);
    socklen_t size = sizeof at;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    origin_ = Origin{"http", "127.0.0.1", std::to_string(ntohs(at.sin_port))};
    thread_ = std::thread([this] { play(); });
  }
  ~ScriptedServer() {
    thread_.join();
    ::close(listener_);
  }
  const Origin& origin() const { return origin_; }
  int requests() const { return requests_; }

 private:
  void play() {
    for (const auto& answers : script_) {
      int connection = ::accept(listener_, nullptr, nullptr);
      for (const auto& answer : answers) {
        std::string head;
        char c = 0;
        while (head.find("\r\n\r\n") == std::string::npos && ::recv(connection, &c, 1, 0) == 1) {
          head += c;
        }
        ++requests_;
        ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      ::close(connection);
    }
  }
  Script script_;
  int listener_ = -1;
  Origin origin_;
  std::atomic<int> requests_{0};
  std::thread thread_;
};

const std::string kShort = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(HttpClientTest, A_request_on_a_connection_closed_meanwhile_is_sent_again_once) {
  // The empty answer: the request is read and the connection closed.
  ScriptedServer server({{kShort, ""}, {kShort}});
  BlockingClient client(server.origin(), nullptr);
  EXPECT_TRUE(client.get("/").ok());
  auto again = client.get("/");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->body, "ok");
  EXPECT_EQ(server.requests(), 3);
}

TEST_F(HttpClientTest, A_fresh_connection_that_closes_is_not_tried_again) {
  ScriptedServer server({{""}});
  BlockingClient client(server.origin(), nullptr);
  auto answer = client.get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_EQ(server.requests(), 1);
}

TEST_F(HttpClientTest, Nothing_is_sent_again_once_an_answer_has_begun) {
  ScriptedServer server({{kShort, "HTTP/1.1 200 OK\r\nContent-Le"}});
  BlockingClient client(server.origin(), nullptr);
  EXPECT_TRUE(client.get("/").ok());
  auto cut = client.get("/");
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, Errc::unavailable);  // A second try would wait until it times out.
  EXPECT_EQ(server.requests(), 2);
}

TEST_F(HttpClientTest, Every_framing_of_an_answer_is_read) {
  ScriptedServer server({
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + kShort,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
       "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
       "HTTP/1.1 200 OK\r\n\r\nuntil the end"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncut"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"SMTP ready\r\n\r\n"},
      {kShort + "too much"},
      {kShort},
  });
  BlockingClient client(server.origin(), nullptr);
  EXPECT_EQ(client.get("/").value().body, "ok");
  EXPECT_EQ(client.get("/").value().body, "ok");
  EXPECT_EQ(client.get("/").value().status, 204);
  EXPECT_EQ(client.get("/").value().status, 304);
  EXPECT_EQ(client.get("/").value().body, "until the end");
  EXPECT_EQ(client.get("/").value().body, "ok");
  EXPECT_EQ(client.get("/").error().code, Errc::unavailable);
  EXPECT_EQ(client.get("/").error().code, Errc::protocol);
  EXPECT_EQ(client.get("/").error().code, Errc::protocol);
  EXPECT_EQ(client.get("/").error().code, Errc::protocol);
  EXPECT_EQ(client.get("/").value().body, "ok");
  EXPECT_EQ(client.get("/").value().body, "ok");
}

TEST_F(HttpClientTest, A_chunk_is_handed_out_before_the_next_one_comes) {
  // The server's second chunk waits until the client has had the first.
  std::promise<void> had_first;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof at;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  std::thread server([listener, first = had_first.get_future()]() mutable {
    const int connection = ::accept(listener, nullptr, nullptr);
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    ::send(connection, head.data(), head.size(), MSG_NOSIGNAL);
    await(std::move(first));
    const std::string rest = "3\r\ntwo\r\n0\r\n\r\n";
    ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
    char byte = 0;
    while (::recv(connection, &byte, 1, 0) > 0) {
    }
    ::close(connection);
  });
  {
    BlockingClient client(Origin{"http", "127.0.0.1", std::to_string(ntohs(at.sin_port))}, nullptr);
    auto pieces = std::make_shared<std::vector<std::string>>();
    ClientRequest request;
    request.on_body = [pieces, &had_first](std::string_view piece) {
      pieces->emplace_back(piece);
      if (pieces->size() == 1) {
        had_first.set_value();
      }
      return true;
    };
    auto answer = client.send(request);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(*pieces, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(answer->body, "");
  }
  server.join();
  ::close(listener);
}

TEST_F(HttpClientTest, A_request_tells_how_much_of_it_has_gone) {
  auto server = serve([](auto exchange) {
    exchange->read_body(8 << 20, [exchange](auto) { exchange->respond(text_response(200, "")); });
  });
  BlockingClient client(origin_of(*server, "https"), client_tls());
  ClientRequest request;
  request.method = "POST";
  request.body = std::string(1 << 20, 'x');
  auto told = std::make_shared<std::vector<std::uint64_t>>();
  request.on_sent = [told](std::uint64_t bytes) { told->push_back(bytes); };
  ASSERT_TRUE(client.send(request).ok());
  ASSERT_GT(told->size(), 2u);
  EXPECT_TRUE(std::is_sorted(told->begin(), told->end()));
  EXPECT_GT(told->back(), request.body.size()) << "with the head";
}

}  // namespace
}  // namespace reachback::net
