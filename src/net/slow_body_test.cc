// A request body that never stops and is too slow all the same (docs/bad-input.md, 5.0 17).
#include <atomic>
#include <thread>

#include "net/http_server.h"
#include "net/test_support.h"

namespace reachback::net {
namespace {

class SlowBodyTest : public NetTest, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Framings, SlowBodyTest,
                         testing::Values("Content-Length: 1000000\r\n\r\n",
                                         "Transfer-Encoding: chunked\r\n\r\nF4240\r\n"),
                         [](const auto& p) { return p.index == 0 ? "Length" : "Chunked"; });

TEST_P(SlowBodyTest, A_body_that_drips_below_the_rate_is_cut_with_408) {
  HttpServerOptions options;
  options.body_grace = std::chrono::milliseconds(300);
  // No machine that runs this test drips so fast.
  options.body_bytes_per_second_min = 1'000'000;
  std::atomic<int> whole{0};
  LoopPool pool(1);
  auto server = HttpServer::listen(pool, "127.0.0.1:0", nullptr, options,
                                   [&whole](std::shared_ptr<Exchange> exchange) {
                                     exchange->read_body(2'000'000, [&whole, exchange](auto) {
                                       ++whole;
                                       exchange->respond(text_response(200, ""));
                                     });
                                   })
                    .value();
  RawClient client(server->address());
  ASSERT_TRUE(client.connected());
  ASSERT_TRUE(client.send(std::string("POST / HTTP/1.1\r\nHost: h\r\n") + GetParam()));
  std::atomic<bool> over{false};
  std::thread drip([&] {
    while (!over && client.send("x")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  std::string answer = client.receive_until_close();
  over = true;
  drip.join();
  EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 408 ");
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(whole, 0);
}

}  // namespace
}  // namespace reachback::net
