// One-time codes that change every 30 seconds (TOTP, RFC 6238) with HMAC-SHA-1 and six digits: what
// every authenticator app takes. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace reachback::crypto {

inline constexpr std::size_t kTotpKeyBytes = 20;  // Source: RFC 4226 §4 R6

// Which half-minute since 1970; 0 before.
std::uint64_t totp_step(Timestamp at);
std::string totp_code(std::string_view key, std::uint64_t step);
// The key as people type it into an app: base32, RFC 4648 §6, without padding.
std::string to_base32(std::string_view bytes);

}  // namespace reachback::crypto
