// `reachback-server signer`: the order keys in a process of their own.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace reachback::server {

struct SignOptions {
  std::string keys;
  std::string socket;
  std::string log;  // empty: KEYS/signed.log
  std::vector<unsigned> uids;
};

// Prints "signing <socket>" when it answers; until SIGTERM or SIGINT, or its log cannot be written.
Result<void> sign_until_signal(const SignOptions& options);

}  // namespace reachback::server
