// When each heartbeat was sent: the moments from which execution windows count. Source: trust.md
// F29: from before the grant, on a clock that nobody sets.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace reachback::agent {

// Keeps the newest sessions and heartbeats of this life of the agent; an older one is forgotten,
// and an order that counts from it does not start.
class Anchors {
 public:
  // since_boot: now. The hello is heartbeat 0.
  void begin_session(std::string nonce, Duration since_boot);
  std::uint64_t next_heartbeat(Duration since_boot);
  std::optional<Duration> sent_at(const std::string& nonce, std::uint64_t heartbeat) const;

 private:
  struct Session {
    std::string nonce;
    std::uint64_t first = 0;  // number of sent.front()
    std::deque<Duration> sent;
  };
  std::deque<Session> sessions_;
};

}  // namespace reachback::agent
