// Hashes of users' passwords: slow on purpose, so never on an event loop.
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace reachback::server {

// Of a password, in bytes of UTF-8. Source: NIST SP 800-63B-4 §3.1.1.2 (at least 8 with a second
// factor, 15 alone; at least 64 must be taken).
inline constexpr std::size_t kPasswordBytesMin = 12;
inline constexpr std::size_t kPasswordBytesMax = 256;

class Passwords {
 public:
  virtual ~Passwords() = default;
  // The text to store; each call gives another one. Blocks for some tenths of a second. Errors:
  // invalid_input (shorter or longer than above, not UTF-8), unavailable (no memory).
  virtual Result<std::string> hash(const Secret& password) = 0;
  // Whether `stored` is of this password. Empty: it is of nobody's, and the same work is done.
  // `done` on a thread of the adapter's. Errors: too_many_requests (too many wait), corrupt
  // (`stored` is no hash), unavailable.
  virtual void verify(std::string stored, Secret password, Done<bool> done) = 0;
};

}  // namespace reachback::server
