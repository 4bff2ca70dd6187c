// Authorization codes: what a sign-in page gives to an application, to be exchanged for tokens.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// What an application asked for in a user's name, and the user who said yes.
struct SignedInUser {
  UserId id;
  std::string name;
  Timestamp at{};
};
struct DelegatedAsk {
  TenantId tenant;
  AppId app;
  std::vector<std::string> scopes;  // delegated permissions
  std::string audience;
  bool wants_id_token = false;  // "openid"
  bool wants_refresh = false;   // "offline_access"
  std::string nonce;
  TokenVersion version = TokenVersion::v2;
};

struct AuthorizationCode {
  DelegatedAsk ask;
  SignedInUser user;
  std::string redirect_uri;  // as it was sent
  std::string challenge;     // S256
  GrantId grant;             // of the tokens that it becomes
};

// In memory only: a restart forgets codes that were not exchanged, and the user signs in again.
// Thread-safe.
class AuthorizationCodes {
 public:
  // random: borrowed.
  AuthorizationCodes(Random& random, Duration lifetime, std::size_t pending_max)
      : random_(random), lifetime_(lifetime), pending_max_(pending_max) {}

  // The code's text. Errors: too_many_requests (so many wait).
  Result<std::string> add(AuthorizationCode code, Timestamp now);

  struct Taken {
    AuthorizationCode code;
    bool again = false;  // it was taken before: whoever holds it, its grant has to end
  };
  // A code counts once; what was taken is remembered for its lifetime. nullopt: unknown or over.
  std::optional<Taken> take(std::string_view code, Timestamp now);

 private:
  struct Entry {
    AuthorizationCode code;
    Timestamp expires;
    bool taken = false;
  };
  void forget_expired(Timestamp now) RB_REQUIRES(mutex_);

  Random& random_;
  const Duration lifetime_;
  const std::size_t pending_max_;
  Mutex mutex_;
  std::map<Sha256, Entry> entries_ RB_GUARDED_BY(mutex_);  // by the digest of the text
};

// Whether `verifier` is what `challenge` was made of. Source: RFC 7636 §4.6, S256.
bool fits_challenge(std::string_view verifier, std::string_view challenge);
// 43 characters of base64url, as every S256 challenge is.
bool is_challenge(std::string_view text);

}  // namespace reachback::server
