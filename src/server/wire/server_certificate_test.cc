#include "server/wire/server_certificate.h"

#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/http_server.h"
#include "testing/fake_clock.h"

namespace reachback::server {
namespace {

constexpr Duration kDay = std::chrono::hours(24);

class ServerCertificateTest : public ::testing::Test {
 protected:
  // Of a new connection; "" when it stood.
  std::string connect(const net::HttpServer& server) {
    net::Loop loop;
    std::string out;
    const std::string address = server.address();
    auto client = net::HttpClient::create(
        loop, {"https", "127.0.0.1", address.substr(address.find(':') + 1)},
        net::TlsClientContext::create(ca_.certificate, net::TlsVersions::tls13_only).value());
    net::ClientRequest request;
    request.method = "GET";
    request.target = "/";
    client->send(std::move(request), [&](const Result<net::ClientResponse>& answer) {
      out = answer.ok() ? "" : answer.error().message;
      loop.stop();
    });
    loop.run();
    return out;
  }

  const Timestamp now_ = SystemClock().now();
  const crypto::PemPair ca_ = crypto::make_ca("test", now_ - 100 * kDay).value();
  testing::FakeClock clock_{now_ - 10 * kDay};
};

TEST_F(ServerCertificateTest, it_is_renewed_while_the_listeners_stand) {
  auto certificate = ServerCertificate::create(ca_, {"127.0.0.1"}, 3, clock_);
  ASSERT_TRUE(certificate.ok());
  net::LoopPool pool(1);
  std::vector<std::unique_ptr<net::HttpServer>> servers;
  for (const auto& tls : {certificate->public_tls(), certificate->agent_tls()}) {
    servers.push_back(net::HttpServer::listen(pool, "127.0.0.1:0", tls, {}, [](auto exchange) {
                        exchange->respond(net::Response());
                      }).value());
  }
  for (const auto& server : servers) {  // It was made ten days ago for three.
    EXPECT_NE(connect(*server).find("certificate has expired"), std::string::npos);
  }
  clock_.advance(10 * kDay);
  EXPECT_TRUE(*certificate->renew_if_due());
  for (const auto& server : servers) {
    EXPECT_EQ(connect(*server), "");
    server->drain(Duration(0));
  }
}

TEST_F(ServerCertificateTest, it_is_due_with_a_third_of_its_life_left_or_a_clock_set_back) {
  auto certificate = ServerCertificate::create(ca_, {"127.0.0.1"}, 3, clock_);
  ASSERT_TRUE(certificate.ok());
  EXPECT_FALSE(*certificate->renew_if_due());
  clock_.advance(2 * kDay - Duration(1));
  EXPECT_FALSE(*certificate->renew_if_due());
  clock_.advance(Duration(1));
  EXPECT_TRUE(*certificate->renew_if_due());
  EXPECT_FALSE(*certificate->renew_if_due());
  clock_.set_wall(clock_.now() - kDay);
  EXPECT_TRUE(*certificate->renew_if_due());
}

}  // namespace
}  // namespace reachback::server
