// An HTTP/1.1 client over TLS, one keep-alive connection to one origin; requests are sent one after
// another in the order of the calls. Loop thread only. A request on a kept connection that the
// server had closed is sent again once if nothing of an answer was read and the request has no body
// or a body that can be read again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/loop.h"
#include "net/message.h"
#include "net/tls.h"

namespace reachback::net {

struct Origin {
  std::string scheme;  // "https" ("http" in tests)
  std::string host;
  std::string port;
};
struct Url {
  Origin origin;
  std::string target;  // path and query; "/" when absent
};
// Errors: invalid_input, naming the text.
Result<Url> parse_url(std::string_view text);

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // Host, Content-Length are set by the client
  std::string body;
  std::optional<FileBody> file;                 // instead of body
  Duration timeout = std::chrono::seconds(30);  // without a byte going either way
  // Set: body bytes of the answer go here in pieces, as they arrive (of a chunked one too), and
  // ClientResponse.body stays empty. Return false to abort.
  std::function<bool(std::string_view)> on_body;
  // Set: called once with status and headers before any body byte.
  std::function<void(int status, const Headers&)> on_head;
  // Set: called with how many bytes of head and body have been handed to the connection, as they
  // go.
  std::function<void(std::uint64_t bytes)> on_sent;
  std::uint64_t body_bytes_max = 16 << 20;  // of the answer, when on_body is not set
};
struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

// Asked about each address (inet_ntop's text) before a connection to it is opened, whatever name
// led there. Empty: every address is good.
using AddressRule = std::function<bool(std::string_view ip)>;

class HttpClient {
 public:
  // from: as in dialer.h.
  static std::unique_ptr<HttpClient> create(Loop& loop, Origin origin,
                                            std::shared_ptr<TlsClientContext> tls,
                                            AddressRule may_connect = {}, std::string from = {});
  virtual ~HttpClient() = default;  // Requests under way are dropped, their `done` is not called.
  // Errors: forbidden (the rule allows none of the host's addresses),
  // unavailable (no connection; says "certificate" when that is why; also when on_body
  // stops the answer), timed_out, protocol (also an answer over body_bytes_max), invalid_input (a
  // method or target that would break the request; https without a TLS context), io (the file).
  virtual void send(ClientRequest request, Done<ClientResponse> done) = 0;
};

}  // namespace reachback::net
