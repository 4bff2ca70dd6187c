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

// Over TLS, with one trust for all connections. loop outlives it. from: the address of this machine
// that connections come from, as inet_ntop() writes it; empty: the system chooses. One that this
// machine does not have fails every connection: unavailable.
std::unique_ptr<Dialer> make_tls_dialer(Loop& loop, std::shared_ptr<TlsClientContext> tls,
                                        std::string from = {});

}  // namespace reachback::net
