// Listening and accepting: addresses, TLS at the door, descriptors running out.
#include <poll.h>
#include <sys/resource.h>

#include "net/test_support.h"

namespace reachback::net {
namespace {

TEST_F(NetTest, An_address_in_use_and_a_bad_address_are_named) {
  LoopPool pool(1);
  auto first = HttpServer::listen(pool, "127.0.0.1:0", nullptr, {}, [](auto) {}).value();
  auto second = HttpServer::listen(pool, first->address(), nullptr, {}, [](auto) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_EQ(second.error().message, "cannot listen on " + first->address() + ": address in use");
  for (const char* address :
       {"", "127.0.0.1", "name.example:1", "127.0.0.1:x", "127.0.0.1:99999"}) {
    auto bad = HttpServer::listen(pool, address, nullptr, {}, [](auto) {});
    ASSERT_FALSE(bad.ok()) << address;
    EXPECT_EQ(bad.error().code, Errc::invalid_input);
  }
}

// Row 19.
TEST_F(NetTest, Plain_HTTP_and_old_TLS_get_no_HTTP_answer_from_a_TLS_port) {
  LoopPool pool(1);
  auto server =
      HttpServer::listen(pool, "127.0.0.1:0", server_tls(TlsVersions::tls13_only), {},
                         [](auto exchange) { exchange->respond(text_response(200, "HTTP")); })
          .value();
  RawClient plain(server->address());
  plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(plain.receive_until_close().find("HTTP"), std::string::npos);
  EXPECT_FALSE(RawClient(server->address(), true, TLS1_2_VERSION).connected());
  EXPECT_TRUE(RawClient(server->address(), true, TLS1_3_VERSION).connected());
}

// Row 19: a name that the certificate does not have is refused with an alert; no name is served.
TEST_F(NetTest, A_foreign_SNI_name_gets_an_alert_and_no_HTTP_answer) {
  LoopPool pool(1);
  auto server =
      HttpServer::listen(pool, "127.0.0.1:0", server_tls(TlsVersions::tls13_only), {},
                         [](auto exchange) { exchange->respond(text_response(200, "HTTP")); })
          .value();
  EXPECT_FALSE(RawClient(server->address(), true, TLS1_3_VERSION, "elsewhere.example").connected());
  EXPECT_TRUE(RawClient(server->address(), true, TLS1_3_VERSION, "localhost").connected());
  EXPECT_TRUE(RawClient(server->address(), true, TLS1_3_VERSION).connected());
}

// F41.
TEST_F(NetTest, Accepting_pauses_while_descriptors_are_short_and_goes_on_after) {
  LoopPool pool(1);
  auto server = HttpServer::listen(pool, "127.0.0.1:0", nullptr, {}, [](auto exchange) {
                  exchange->respond(text_response(200, "served"));
                }).value();
  RawClient client(server->address());  // Its descriptor exists already; the server's does not yet.
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.receive_until_close().find("served"), std::string::npos);
  // Room for two sockets of clients and none for the server's end of the second.
  int lowest = ::dup(0);
  ::close(lowest);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(lowest) + 1;
  setrlimit(RLIMIT_NOFILE, &tight);
  RawClient starved(server->address());
  rusage usage_before{};
  getrusage(RUSAGE_SELF, &usage_before);
  starved.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  pollfd waiting{starved.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 400), 0);  // Not served: there is no descriptor for it.
  rusage usage_after{};
  getrusage(RUSAGE_SELF, &usage_after);
  setrlimit(RLIMIT_NOFILE, &before);
  auto micros = [](const rusage& u) {
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1'000'000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
  };
  EXPECT_LT(micros(usage_after) - micros(usage_before), 200'000) << "the accept loop spins";
  EXPECT_NE(starved.receive_until_close().find("served"), std::string::npos);
}

}  // namespace
}  // namespace reachback::net
