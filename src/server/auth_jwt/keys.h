// Public keys that check signatures and the private key that makes ours. A key has one algorithm,
// whatever a token's header says. Values; thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

struct evp_pkey_st;
struct evp_md_ctx_st;

namespace reachback::server {

enum class Algorithm { es256, rs256, ps256 };
// Of an access token: "ES256" and "RS256", exactly; nullopt for everything else, "none", HS256 and
// PS256 among it.
std::optional<Algorithm> parse_algorithm(std::string_view name);
// "ES256", "RS256", "PS256".
std::string_view to_string(Algorithm algorithm);

class VerificationKey {
 public:
  // ES256: a point on P-256, 32 bytes each. Errors: invalid_input (length, not on the curve).
  static Result<VerificationKey> from_ec(std::string_view x, std::string_view y);
  // RS256 or PS256: big-endian numbers. Errors: invalid_input (modulus below 2048 or above 8192
  // bits, even or tiny exponent).
  static Result<VerificationKey> from_rsa(std::string_view n, std::string_view e,
                                          Algorithm algorithm = Algorithm::rs256);
  // SubjectPublicKeyInfo, DER. Errors: invalid_input (unreadable, or not a key that `algorithm`
  // takes: P-256 for ES256, RSA of 2048 to 8192 bits for the others).
  static Result<VerificationKey> from_spki(std::string_view der, Algorithm algorithm);

  Algorithm algorithm() const { return algorithm_; }
  // `signature` as in a JWS: r||s of 64 bytes for ES256, as long as the modulus for RS256 and PS256
  // (whose salt has 32 bytes).
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  static Result<VerificationKey> prepare(Algorithm algorithm, evp_pkey_st* key);

  Algorithm algorithm_ = Algorithm::es256;
  std::size_t signature_bytes_ = 0;
  std::shared_ptr<const evp_md_ctx_st> prepared_;  // copied for each verification: saves the set-up
};

// A new private key as PKCS#8 PEM: P-256 for ES256, RSA of 3072 bits for RS256, which takes a
// second. Source: NIST SP 800-57 part 1 table 2: 128 bits of strength.
std::string generate_signing_key(Algorithm algorithm = Algorithm::es256);

class SigningKey {
 public:
  // PKCS#8 PEM: P-256 signs ES256, RSA of 2048 to 8192 bits RS256. Errors: invalid_input
  // (unreadable, another key).
  static Result<SigningKey> from_pem(std::string_view pem);

  const std::string& kid() const { return kid_; }  // the key's RFC 7638 thumbprint
  const std::string& jwk() const { return jwk_; }  // the public key as a JSON object
  const VerificationKey& verification_key() const { return public_; }
  Algorithm algorithm() const { return public_.algorithm(); }
  // As in a JWS: r||s for ES256, as long as the modulus for RS256.
  std::string sign(std::string_view message) const;
  // 16 bytes in base64url: a MAC of `payload`, a token's second part as it stands there, by a
  // secret that follows from the private key. Only who can sign can seal, and a seal of a P-256
  // key is checked in a fiftieth of the time of a signature. It never stands for the signature.
  std::string seal(std::string_view payload) const;
  bool is_sealed(std::string_view payload, std::string_view seal) const;

 private:
  SigningKey(VerificationKey key) : public_(std::move(key)) {}  // NOLINT: private
  // members: of the public key, in the order of RFC 7638 §3.2. secret: only this key has it.
  void name(const std::string& members, std::string secret);

  std::string kid_;
  std::string jwk_;
  VerificationKey public_;
  std::shared_ptr<evp_pkey_st> private_;
  Sha256 seal_key_{};
};

}  // namespace reachback::server
