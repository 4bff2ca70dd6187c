// Fetches the scripts of an order that are too large to come with it, into memory files. Loop
// thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/session/backoff.h"
#include "base/file.h"
#include "net/dialer.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

// A library file is at most 20 MB in MDE; anything larger than this is not fetched.
inline constexpr std::uint64_t kScriptBytesMax = 64 << 20;

class Downloads {
 public:
  // done: with one entry per file of the order; those that could not be had are not valid.
  using Done = std::function<void(pb::ToAgent order, std::vector<Fd> files)>;

  // server: where links are used, whatever host they name: the one that this agent can reach.
  Downloads(net::Dialer& network, net::Origin server, Random& random, Done done);
  ~Downloads();

  // Whether any of the order's files has to be fetched.
  static bool needed(const pb::ExecuteOrder& order);
  // The same order again while it is being fetched: no effect.
  void fetch(const pb::ToAgent& order);

 private:
  struct Fetch;
  net::Dialer& network_;
  net::Origin server_;
  Random& random_;
  Done done_;
  std::map<std::string, std::shared_ptr<Fetch>> fetches_;  // by the order's bytes
};

}  // namespace reachback::agent
