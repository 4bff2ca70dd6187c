#include <fcntl.h>

#include <atomic>
#include <thread>

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

}  // namespace
}  // namespace reachback::net
