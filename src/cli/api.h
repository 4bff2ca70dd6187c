// One conversation with the server, as plain blocking calls.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "cli/config.h"
#include "net/message.h"

namespace reachback::cli {

// The network runs on a thread of its own; every function here is for one calling thread.
//
// A token is fetched by client credentials when the first call needs it, and once more when it is
// refused. 429 and 503 with Retry-After are waited out, up to 2 minutes at a time and 5 times.
// Errors of every call: unavailable (no connection), timed_out, protocol; for a refusal the code
// that fits its status; the message is one line with what to do. After Ctrl-C: timed_out, and
// interrupted() says so.
class Api {
 public:
  // watch_interrupts: SIGINT and SIGTERM end the call under way instead of the process.
  // Errors: invalid_input (the CA cannot be read).
  static Result<std::unique_ptr<Api>> create(const Config& config, bool watch_interrupts);
  virtual ~Api() = default;

  // The body of a 2xx answer. `timeout`: without a byte going either way.
  virtual Result<std::string> get(const std::string& target,
                                  Duration timeout = std::chrono::seconds(30)) = 0;
  virtual Result<std::string> post(const std::string& target, const std::string& body,
                                   const std::string& content_type, net::Headers extra = {}) = 0;
  virtual Result<void> remove(const std::string& target) = 0;
  // GETs a signed link, without a token, in pieces on another thread while the caller waits. false
  // from on_bytes aborts.
  virtual Result<void> download(const std::string& url,
                                std::function<bool(std::string_view)> on_bytes) = 0;

  // false: interrupted.
  virtual bool pause(Duration time) = 0;
  virtual bool interrupted() const = 0;
  virtual void clear_interrupt() = 0;  // so that one more call can be made
};

// What a refusal says, in one line: from MDE's envelope, OAuth's error or Azure's XML.
std::string describe_refusal(int status, std::string_view body);
// The code for a status that is not 2xx.
Errc code_of_status(int status);

}  // namespace reachback::cli
