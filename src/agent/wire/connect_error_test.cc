#include "agent/wire/connect_error.h"

#include <gtest/gtest.h>

#include "crypto/x509.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace reachback::agent {
namespace {

constexpr Duration kDay = std::chrono::hours(24);

// What a person is told who enrols against a server whose certificate is for `names`, was made at
// `made` for two days, and is of `ca`.
class ConnectErrorTest : public ::testing::Test {
 protected:
  std::string told(const crypto::PemPair& ca, const std::vector<std::string>& names,
                   Timestamp made) {
    auto pair = crypto::issue_server_certificate(ca, names, 2, made).value();
    auto tls = net::TlsServerContext::create(pair.certificate, pair.private_key,
                                             net::TlsVersions::tls13_only)
                   .value();
    net::LoopPool pool(1);
    auto server = net::HttpServer::listen(pool, "127.0.0.1:0", tls, {}, [](auto exchange) {
                    exchange->respond(net::Response());
                  }).value();
    const std::string address = server->address();
    net::Loop loop;
    std::string out = "reached";
    auto client = net::HttpClient::create(
        loop, {"https", "127.0.0.1", address.substr(address.find(':') + 1)},
        net::TlsClientContext::create(ca_.certificate, net::TlsVersions::tls13_only).value());
    net::ClientRequest request;
    request.method = "GET";
    request.target = "/";
    client->send(std::move(request), [&](const Result<net::ClientResponse>& answer) {
      if (!answer.ok()) {
        out = explain_connect_error(answer.error(), "https://server", "ca.pem").message;
      }
      loop.stop();
    });
    loop.run();
    client.reset();
    server->drain(Duration(0));
    return out;
  }
  static bool begins(const std::string& text, const std::string& with) {
    return text.substr(0, with.size()) == with;
  }

  const Timestamp now_ = SystemClock().now();
  const crypto::PemPair ca_ = crypto::make_ca("test", now_ - 100 * kDay).value();
};

TEST_F(ConnectErrorTest, each_fault_of_a_certificate_has_its_own_words) {
  EXPECT_EQ(told(ca_, {"127.0.0.1"}, now_), "reached");
  std::string said = told(ca_, {"127.0.0.1"}, now_ - 10 * kDay);
  EXPECT_TRUE(begins(said, "the certificate of https://server has expired")) << said;
  said = told(ca_, {"127.0.0.1"}, now_ + 10 * kDay);
  EXPECT_TRUE(begins(said, "the certificate of https://server is not valid yet")) << said;
  EXPECT_NE(said.find("clock"), std::string::npos);
  said = told(ca_, {"elsewhere.example"}, now_);
  EXPECT_TRUE(begins(said, "the certificate of https://server is for another name")) << said;
  said = told(crypto::make_ca("test", now_).value(), {"127.0.0.1"}, now_);
  EXPECT_TRUE(begins(said, "the server at https://server has no certificate of the CA in ca.pem"))
      << said;
}

TEST_F(ConnectErrorTest, what_is_no_matter_of_certificates_is_told_as_it_is) {
  EXPECT_EQ(
      explain_connect_error(Error{Errc::unavailable, "connection refused"}, "https://s:1", "ca.pem")
          .message,
      "cannot reach https://s:1: connection refused");
}

}  // namespace
}  // namespace reachback::agent
