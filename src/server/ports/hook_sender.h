// How a webhook's message leaves the server.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace reachback::server {

struct HookMessage {
  std::string hook;  // where to: its name
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // JSON
};

class HookSender {
 public:
  virtual ~HookSender() = default;
  // Posts it once; `done` gets the status of the answer, whatever it is, on any thread. Follows no
  // redirect. Any thread. Errors: unavailable, timed_out, protocol, forbidden (no address of the
  // host may be called), not_found (no such hook).
  virtual void post(HookMessage message, Done<int> done) = 0;
};

}  // namespace reachback::server
