// How a program reaches others: everything that leaves one loop goes through here, so that a test
// can put another network under the code that talks. Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "net/executor.h"
#include "net/http_client.h"
#include "net/web_socket.h"

namespace reachback::net {

class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Executor& loop() = 0;
  // As connect_web_socket().
  virtual void web_socket(const std::string& url, Headers headers, Duration timeout,
                          Done<WebSocketAnswer> done) = 0;
  // As HttpClient::create().
  virtual std::unique_ptr<HttpClient> http(const Origin& origin) = 0;
};

// Over TLS, with one trust for all connections. loop outlives it.
std::unique_ptr<Dialer> make_tls_dialer(Loop& loop, std::shared_ptr<TlsClientContext> tls);

}  // namespace reachback::net
