#include "net/dialer.h"

namespace reachback::net {
namespace {

class TlsDialer : public Dialer {
 public:
  TlsDialer(Loop& loop, std::shared_ptr<TlsClientContext> tls, std::string from)
      : loop_(loop), tls_(std::move(tls)), from_(std::move(from)) {}
  Executor& loop() override { return loop_; }
  void web_socket(const std::string& url, Headers headers, Duration timeout,
                  Done<WebSocketAnswer> done) override {
    connect_web_socket(loop_, url, tls_, std::move(headers), timeout, std::move(done), from_);
  }
  std::unique_ptr<HttpClient> http(const Origin& origin) override {
    return HttpClient::create(loop_, origin, tls_, {}, from_);
  }

 private:
  Loop& loop_;
  const std::shared_ptr<TlsClientContext> tls_;
  const std::string from_;
};

}  // namespace

std::unique_ptr<Dialer> make_tls_dialer(Loop& loop, std::shared_ptr<TlsClientContext> tls,
                                        std::string from) {
  return std::make_unique<TlsDialer>(loop, std::move(tls), std::move(from));
}

}  // namespace reachback::net
