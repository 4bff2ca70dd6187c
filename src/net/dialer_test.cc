#include "net/dialer.h"

#include "net/test_support.h"

namespace reachback::net {
namespace {

class DialerTest : public NetTest {
 protected:
  // Who a server on loopback sees, of a request by this dialer. "": it saw nobody.
  std::string seen(const std::string& from) {
    auto server =
        HttpServer::listen(server_pool_, "127.0.0.1:0", server_tls(), {}, [](auto exchange) {
          exchange->respond(text_response(200, exchange->request().peer_ip));
        }).value();
    std::unique_ptr<Dialer> dialer;
    std::unique_ptr<HttpClient> client;
    std::promise<Result<ClientResponse>> answer;
    on_loop(loop_pool_.at(0), [&] {
      dialer = make_tls_dialer(loop_pool_.at(0), client_tls(), from);
      client = dialer->http(origin_of(*server, "https"));
      client->send({}, [&](Result<ClientResponse> r) { answer.set_value(std::move(r)); });
    });
    auto got = await(answer.get_future());
    on_loop(loop_pool_.at(0), [&] {
      client.reset();
      dialer.reset();
    });
    if (!got.ok()) {
      EXPECT_EQ(got.error().code, Errc::unavailable) << got.error().message;
    }
    return got.ok() ? got->body : "";
  }

  LoopPool server_pool_{1};
  LoopPool loop_pool_{1};
};

TEST_F(DialerTest, Connections_come_from_the_address_that_it_was_given) {
  EXPECT_EQ(seen("127.16.4.2"), "127.16.4.2");
  EXPECT_EQ(seen("127.255.0.1"), "127.255.0.1");
  EXPECT_EQ(seen(""), "127.0.0.1");
}

TEST_F(DialerTest, An_address_that_this_machine_does_not_have_connects_nowhere) {
  for (const char* from : {"192.0.2.1", "nonsense", "::1"}) {
    EXPECT_EQ(seen(from), "") << from;
  }
}

TEST_F(DialerTest, A_web_socket_comes_from_there_too) {
  std::promise<std::string> peer;
  auto server =
      HttpServer::listen(server_pool_, "127.0.0.1:0", server_tls(), {}, [&](auto exchange) {
        peer.set_value(exchange->request().peer_ip);
        exchange->respond(text_response(404, ""));
      }).value();
  std::unique_ptr<Dialer> dialer;
  std::promise<bool> done;
  on_loop(loop_pool_.at(0), [&] {
    dialer = make_tls_dialer(loop_pool_.at(0), client_tls(), "127.16.4.3");
    dialer->web_socket("wss://" + server->address() + "/", {}, std::chrono::seconds(10),
                       [&](const Result<WebSocketAnswer>& answer) { done.set_value(answer.ok()); });
  });
  EXPECT_EQ(await(peer.get_future()), "127.16.4.3");
  EXPECT_FALSE(await(done.get_future()));
  on_loop(loop_pool_.at(0), [&] { dialer.reset(); });
}

}  // namespace
}  // namespace reachback::net
