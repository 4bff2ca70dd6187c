// The public keys of one issuer, by key id. Immutable; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth_jwt/keys.h"

namespace reachback::server {

class KeySet {
 public:
  // A JSON Web Key Set (RFC 7517). Keys for other purposes or algorithms, and keys without `kid`,
  // are passed over. Errors: invalid_input (over 256 KiB or 100 keys, not a key set, a broken key,
  // two usable keys with one kid, a private or symmetric key, no usable key at all).
  static Result<KeySet> parse(std::string_view jwks);
  static KeySet of(std::string kid, VerificationKey key);
  void add(std::string kid, VerificationKey key) { keys_.emplace(std::move(kid), std::move(key)); }

  const VerificationKey* find(std::string_view kid) const;  // nullptr: none
  std::size_t size() const { return keys_.size(); }

 private:
  std::map<std::string, VerificationKey, std::less<>> keys_;
};

}  // namespace reachback::server
