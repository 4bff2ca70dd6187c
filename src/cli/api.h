// One conversation with the server, as plain blocking calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "cli/config.h"
#include "cli/tokens.h"
#include "net/message.h"

namespace reachback::cli {

// false from it ends what is under way. Called on the network's thread while the caller waits.
using OnBytes = std::function<bool(std::string_view)>;

// How far a download is, so that it can go on after a cut.
struct Download {
  std::uint64_t bytes = 0;             // that on_bytes took
  std::optional<std::uint64_t> total;  // as the server tells it
  std::string etag;
};

// So long a server may be away before what was begun is given up.
inline constexpr std::chrono::seconds kOutageMax{60};

// The network runs on a thread of its own; every function here is for one calling thread.
//
// A token is fetched when the first call needs it (tokens.h says how), and once more when it is
// refused. 429 and 503 with Retry-After are waited out, up to 2 minutes at a time and 5 times.
// Errors of every call: unavailable (no connection), timed_out, protocol; for a refusal the code
// that fits its status; the message is one line with what to do. After Ctrl-C: timed_out, and
// interrupted() says so.
class Api {
 public:
  // watch_interrupts: SIGINT and SIGTERM end the call under way instead of the process.
  // Errors: invalid_input (the CA cannot be read).
  static Result<std::unique_ptr<Api>> create(const Config& config, std::unique_ptr<Tokens> tokens,
                                             bool watch_interrupts);
  virtual ~Api() = default;
  // One more conversation with the same server, for another thread: same tokens, same interruption.
  // Must not outlive this one.
  virtual Result<std::unique_ptr<Api>> another() = 0;

  // The body of a 2xx answer. `timeout`: without a byte going either way.
  virtual Result<std::string> get(const std::string& target,
                                  Duration timeout = std::chrono::seconds(30)) = 0;
  virtual Result<std::string> post(const std::string& target, const std::string& body,
                                   const std::string& content_type, net::Headers extra = {},
                                   std::function<void(std::uint64_t)> on_sent = nullptr) = 0;
  virtual Result<void> remove(const std::string& target) = 0;
  // A stream of events in pieces as they come, until the server ends it. Ends with timed_out at
  // `until`, and when nothing comes for 45 s. last_event_id: may be empty.
  virtual Result<void> follow(const std::string& target, const std::string& last_event_id,
                              std::optional<std::chrono::steady_clock::time_point> until,
                              OnBytes on_bytes) = 0;
  // GETs a signed link, without a token, in pieces. With `progress`, from its bytes on; what was
  // there before is not given again. Errors: also mismatch (it is another blob now).
  virtual Result<void> download(const std::string& url, OnBytes on_bytes,
                                Download* progress = nullptr) = 0;
  // Without a token, whatever the status: for addresses that give tokens or tell of them. No body:
  // GET; else a POST of a form.
  virtual Result<PlainAnswer> plain(const std::string& target,
                                    const std::optional<std::string>& form) = 0;

  // The one that calls are made with.
  virtual Result<Secret> token() = 0;

  // false: interrupted.
  virtual bool pause(Duration time) = 0;
  virtual bool interrupted() const = 0;
  virtual void clear_interrupt() = 0;  // so that one more call can be made
  // SIGTERM, or the terminal is gone: whoever would go on after Ctrl-C ends now.
  virtual bool terminated() const { return false; }

  // Told of each request when it has ended; status 0: no answer. Signed links come without what
  // makes them valid. On the calling thread.
  using Trace = std::function<void(std::string_view method, std::string_view target, int status,
                                   std::chrono::milliseconds time)>;
  void trace(Trace trace) { trace_ = std::move(trace); }

 protected:
  Trace trace_;
};

// What a refusal says, in one line: from MDE's envelope, OAuth's error or Azure's XML.
std::string describe_refusal(int status, std::string_view body);
// The code for a status that is not 2xx.
Errc code_of_status(int status);
// Both; already_active says that the machine has an unfinished action.
Error refusal_of(int status, std::string_view body);

}  // namespace reachback::cli
