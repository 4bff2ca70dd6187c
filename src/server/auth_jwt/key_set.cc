#include "server/auth_jwt/key_set.h"

#include <optional>

#include "base/bytes.h"
#include "json/json.h"

namespace reachback::server {
namespace {

constexpr std::size_t kTextBytesMax = 256 << 10;
constexpr std::size_t kKeysMax = 100;

Error bad(std::string what) {
  return Error{Errc::invalid_input, "key set: " + std::move(what)};
}

// The member when it is a string, else empty.
std::string_view text(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

bool is_for_signatures(const json::Object& jwk) {
  if (jwk.contains("use") && text(jwk, "use") != "sig") {
    return false;
  }
  const json::Value* operations = jwk.if_contains("key_ops");
  if (operations == nullptr) {
    return true;
  }
  if (operations->is_array()) {
    for (const json::Value& operation : operations->get_array()) {
      if (operation.is_string() && operation.get_string() == "verify") {
        return true;
      }
    }
  }
  return false;
}

// nullopt: a key we have no use for.
std::optional<Algorithm> algorithm_of(const json::Object& jwk) {
  std::optional<Algorithm> by_type;
  if (text(jwk, "kty") == "RSA") {
    by_type = Algorithm::rs256;
  } else if (text(jwk, "kty") == "EC" && text(jwk, "crv") == "P-256") {
    by_type = Algorithm::es256;
  }
  if (!by_type || !is_for_signatures(jwk) ||
      (jwk.contains("alg") && parse_algorithm(text(jwk, "alg")) != by_type)) {
    return std::nullopt;
  }
  return by_type;
}

Result<VerificationKey> read_key(const json::Object& jwk, Algorithm algorithm) {
  bool ec = algorithm == Algorithm::es256;
  auto first = from_base64url(text(jwk, ec ? "x" : "n"));
  auto second = from_base64url(text(jwk, ec ? "y" : "e"));
  if (!first || !second) {
    return Error{Errc::invalid_input, "key: a number is not base64url"};
  }
  return ec ? VerificationKey::from_ec(*first, *second)
            : VerificationKey::from_rsa(*first, *second);
}

}  // namespace

KeySet KeySet::of(std::string kid, VerificationKey key) {
  KeySet set;
  set.add(std::move(kid), std::move(key));
  return set;
}

Result<KeySet> KeySet::parse(std::string_view jwks) {
  if (jwks.size() > kTextBytesMax) {
    return bad("over 256 KiB");
  }
  auto document = json::parse(jwks);
  if (!document) {
    return bad("not valid JSON");
  }
  const json::Value* keys =
      document->is_object() ? document->get_object().if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array()) {
    return bad("has no array `keys`");
  }
  if (keys->get_array().size() > kKeysMax) {
    return bad("over 100 keys");
  }
  KeySet set;
  for (const json::Value& entry : keys->get_array()) {
    if (!entry.is_object()) {
      return bad("a key is not an object");
    }
    const json::Object& jwk = entry.get_object();
    if (jwk.contains("d") || jwk.contains("k")) {
      return bad("holds a private or symmetric key; give the public set only");
    }
    std::string kid(text(jwk, "kid"));
    auto algorithm = algorithm_of(jwk);
    if (!algorithm || kid.empty()) {
      continue;
    }
    RB_TRY_ASSIGN(VerificationKey key, read_key(jwk, *algorithm));
    if (set.find(kid) != nullptr) {
      return bad("two keys with the id '" + kid + "'");
    }
    set.add(std::move(kid), std::move(key));
  }
  if (set.keys_.empty()) {
    return bad("no key for RS256 or ES256 signatures with a `kid`");
  }
  return set;
}

const VerificationKey* KeySet::find(std::string_view kid) const {
  auto at = keys_.find(kid);
  return at == keys_.end() ? nullptr : &at->second;
}

}  // namespace reachback::server
