// For the tests of this folder: certificates, a server on loopback, a client of raw bytes, and
// waiting with a bound.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>

#include "crypto/x509.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace reachback::net {

inline constexpr auto kTestPatience = std::chrono::seconds(30);

template <typename T>
T await(std::future<T> future) {
  if (future.wait_for(kTestPatience) != std::future_status::ready) {
    std::fprintf(stderr, "nothing came in time\n");
    std::abort();
  }
  return future.get();
}

// A CA with a server certificate for 127.0.0.1 and localhost, made once.
struct TestCertificates {
  crypto::PemPair ca;
  crypto::PemPair server;
};
inline const TestCertificates& test_certificates() {
  static const TestCertificates made = [] {
    SystemClock clock;
    TestCertificates fresh;
    fresh.ca = crypto::make_ca("test CA", clock.now()).value();
    fresh.server =
        crypto::issue_server_certificate(fresh.ca, {"127.0.0.1", "localhost"}, 30, clock.now())
            .value();
    return fresh;
  }();
  return made;
}
inline std::shared_ptr<TlsServerContext> server_tls(
    TlsVersions versions = TlsVersions::tls12_and_13) {
  const auto& pair = test_certificates().server;
  return TlsServerContext::create(pair.certificate, pair.private_key, versions).value();
}
inline std::shared_ptr<TlsClientContext> client_tls(
    TlsVersions versions = TlsVersions::tls12_and_13) {
  return TlsClientContext::create(test_certificates().ca.certificate, versions).value();
}

// Every test is killed when it hangs.
class NetTest : public testing::Test {
 protected:
  void SetUp() override { ::alarm(120); }
  void TearDown() override { ::alarm(0); }
};

inline Response text_response(int status, std::string body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

// Runs `work` on the loop's thread and waits for it.
inline void on_loop(Loop& loop, std::function<void()> work) {
  auto done = std::make_shared<std::promise<void>>();  // set_value() may outlast the waiting.
  loop.post([&work, done] {
    work();
    done->set_value();
  });
  await(done->get_future());
}

// A blocking connection that sends and receives bytes as they are.
class RawClient {
 public:
  // server_name: for SNI; null: none is sent.
  explicit RawClient(const std::string& address, bool tls = false, int tls_version_max = 0,
                     const char* server_name = nullptr) {
    auto colon = address.rfind(':');
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    if (tls && connected_) {
      context_ = SSL_CTX_new(TLS_client_method());
      if (tls_version_max != 0) {
        SSL_CTX_set_max_proto_version(context_, tls_version_max);
      }
      ssl_ = SSL_new(context_);
      if (server_name != nullptr) {
        SSL_set_tlsext_host_name(ssl_, server_name);
      }
      SSL_set_fd(ssl_, fd_);
      connected_ = SSL_connect(ssl_) == 1;
    }
  }
  ~RawClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ::close(fd_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  // False: the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                  : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Up to `size` bytes; empty at the end.
  std::string receive_some(std::size_t size = 65536) {
    std::string bytes(size, '\0');
    auto got = ssl_ != nullptr ? SSL_read(ssl_, bytes.data(), static_cast<int>(size))
                               : ::recv(fd_, bytes.data(), size, 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  std::string receive_until_close() {
    std::string all;
    for (std::string some = receive_some(); !some.empty(); some = receive_some()) {
      all += some;
    }
    return all;
  }
  // Until `text` holds `mark`, or the end.
  std::string receive_until(std::string_view mark) {
    std::string all;
    while (all.find(mark) == std::string::npos) {
      std::string some = receive_some(1);
      if (some.empty()) {
        break;
      }
      all += some;
    }
    return all;
  }

 private:
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

inline Origin origin_of(const HttpServer& server, const std::string& scheme) {
  return parse_url(scheme + "://" + server.address()).value().origin;
}

// An HttpClient on a loop of its own, called from the test's thread.
class BlockingClient {
 public:
  BlockingClient(Origin origin, std::shared_ptr<TlsClientContext> tls) : pool_(1) {
    on_loop(loop(), [&] { client_ = HttpClient::create(loop(), origin, tls); });
  }
  ~BlockingClient() {
    on_loop(loop(), [&] { client_.reset(); });
  }
  Loop& loop() { return pool_.at(0); }
  std::future<Result<ClientResponse>> begin(ClientRequest request) {
    auto done = std::make_shared<std::promise<Result<ClientResponse>>>();
    auto future = done->get_future();
    loop().post([this, done, request = std::move(request)] {
      client_->send(request, [done](Result<ClientResponse> r) { done->set_value(std::move(r)); });
    });
    return future;
  }
  Result<ClientResponse> send(ClientRequest request) { return await(begin(std::move(request))); }
  Result<ClientResponse> get(const std::string& target) {
    ClientRequest request;
    request.target = target;
    return send(std::move(request));
  }
  void destroy_client() {
    on_loop(loop(), [&] { client_.reset(); });
  }

 private:
  LoopPool pool_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace reachback::net
