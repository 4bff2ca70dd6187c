// The keys that sign our tokens, in the data folder's keys/: each a PEM file, and token-keys.json,
// which says in which order they came.
//   {"keys":[{"file":"token-signing.pem","until":"2026-05-01T10:00:00.0000000Z"},
//            {"file":"token-1f….pem","since":"2026-05-01T10:00:00.0000000Z"}]}
// The last one signs; the others are published, and what they signed is accepted, until they are
// retired. Without token-keys.json there is one key, token-signing.pem. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "server/auth_jwt/keys.h"

namespace reachback::server {

inline constexpr std::size_t kTokenKeysMax = 8;

struct TokenKeyInfo {
  std::string id;   // the first 16 hex digits of its thumbprint
  std::string kid;  // the thumbprint, as tokens and the key set name it
  Algorithm algorithm = Algorithm::es256;
  std::optional<Timestamp> since;  // when it was added; none: by init
  std::optional<Timestamp> until;  // when it stopped signing; none: it signs
};

class TokenKeyring {
 public:
  // Errors: not_found (a file is missing), corrupt, invalid_input (not a key of ours), io.
  static Result<std::unique_ptr<TokenKeyring>> open(const std::string& folder);

  std::vector<TokenKeyInfo> keys() const;        // oldest first; the last one signs
  std::vector<SigningKey> signing_keys() const;  // the one that signs, then the others

  // A new key, which signs from now on. algorithm: ES256 or RS256. Durable when it returns; gives
  // its id. Errors: conflict (kTokenKeysMax already), io, storage_full.
  Result<std::string> add(Algorithm algorithm, Timestamp now);
  // The key counts no more, and its file is removed. Errors: not_found, conflict (it signs; without
  // `force` also: it signed within the last hour, so that its tokens may be around), io,
  // storage_full.
  Result<void> retire(const std::string& id, Timestamp now, bool force);

 private:
  struct Key {
    std::string file;
    SigningKey key;
    TokenKeyInfo info;
  };
  using Keys = std::vector<Key>;
  TokenKeyring(std::string folder, Keys loaded);
  std::shared_ptr<const Keys> current() const;
  Result<void> save(Keys next);

  const std::string folder_;
  mutable Mutex mutex_;
  Mutex changing_;  // one change at a time; held while the disk is waited for
  std::shared_ptr<const Keys> keys_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
