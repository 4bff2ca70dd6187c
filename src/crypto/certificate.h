// Reading a certificate that somebody gives us: what it says, and the key in it. No chain is built
// and no signature checked: who names a certificate vouches for it.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::crypto {

inline constexpr int kRsaBitsMin = 2048;
inline constexpr int kRsaBitsMax = 8192;  // bounds the work of one verification

struct Certificate {
  Sha256 sha256{};         // of its DER
  std::string sha1;        // of its DER, 20 bytes: the name that older programs give it
  std::string public_key;  // SubjectPublicKeyInfo, DER: RSA (kRsaBitsMin to kRsaBitsMax) or P-256
  std::string subject;     // one line of ASCII, at most 512 bytes: for people
  Timestamp not_before{};
  Timestamp not_after{};  // the last moment at which it is valid
};

// The one certificate of a PEM text; other text around it is passed over. Errors: invalid_input
// (over 32 KiB, none or several, a private key beside it, unreadable, another key than above).
Result<Certificate> read_certificate(std::string_view pem);

}  // namespace reachback::crypto
