// Opens client connections: name, TCP, TLS. For the .cc files of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_client.h"
#include "net/stream.h"

namespace reachback::net {

// A connection on its way. Loop thread only.
class Connecting {
 public:
  virtual ~Connecting() = default;
  virtual void cancel() = 0;  // `done` is not called any more.
};

// origin.scheme https or wss: TLS with `tls`, whose absence is an error. from: as in dialer.h.
// `done` once, never before the return. Errors: unavailable ("connection refused", "certificate
// verify failed: ..."), timed_out, forbidden (may_connect), invalid_input (no TLS context).
std::shared_ptr<Connecting> connect_stream(Loop& loop, const Origin& origin,
                                           std::shared_ptr<TlsClientContext> tls,
                                           AddressRule may_connect, const std::string& from,
                                           Duration timeout,
                                           std::function<void(Result<Stream>)> done);

// "host:port", an IPv6 address in brackets; for messages.
std::string origin_text(const Origin& origin);
// The Host field: without the scheme's own port.
std::string host_field(const Origin& origin);

}  // namespace reachback::net
