#include "server/service/authorization_codes.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace reachback::server {

Result<std::string> AuthorizationCodes::add(AuthorizationCode code, Timestamp now) {
  std::string text = to_base64url(random_.bytes(32));
  MutexLock lock(mutex_);
  if (entries_.size() >= pending_max_) {
    forget_expired(now);
  }
  if (entries_.size() >= pending_max_) {
    return Error{Errc::too_many_requests, "Too many are signing in, try again later"};
  }
  entries_.emplace(crypto::sha256(text), Entry{std::move(code), now + lifetime_, false});
  return text;
}

std::optional<AuthorizationCodes::Taken> AuthorizationCodes::take(std::string_view code,
                                                                  Timestamp now) {
  MutexLock lock(mutex_);
  forget_expired(now);
  auto found = entries_.find(crypto::sha256(code));
  if (found == entries_.end()) {
    return std::nullopt;
  }
  Entry& entry = found->second;
  return Taken{entry.code, std::exchange(entry.taken, true)};
}

void AuthorizationCodes::forget_expired(Timestamp now) {
  std::erase_if(entries_, [now](const auto& entry) { return entry.second.expires <= now; });
}

bool is_challenge(std::string_view text) {
  return text.size() == 43 && from_base64url(text).has_value();
}

bool fits_challenge(std::string_view verifier, std::string_view challenge) {
  // Source: RFC 7636 §4.1.
  const bool well_formed = verifier.size() >= 43 && verifier.size() <= 128 &&
                           std::all_of(verifier.begin(), verifier.end(), [](char c) {
                             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                    c == '~';
                           });
  return well_formed &&
         crypto::constant_time_equal(to_base64url(as_bytes(crypto::sha256(verifier))), challenge);
}

}  // namespace reachback::server
