// Ed25519 keys: the identity of a machine and the signature of an order. Values are immutable and
// thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace reachback::crypto {

class Ed25519PublicKey {
 public:
  // SubjectPublicKeyInfo in DER. Errors: invalid_input (not Ed25519, trailing bytes).
  static Result<Ed25519PublicKey> from_spki(std::string_view der);
  std::string spki() const;
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  friend class Ed25519PrivateKey;
  std::shared_ptr<evp_pkey_st> key_;
};

class Ed25519PrivateKey {
 public:
  static Ed25519PrivateKey generate();
  // PKCS#8 PEM. Errors: invalid_input.
  static Result<Ed25519PrivateKey> from_pem(std::string_view pem);
  std::string pem() const;
  std::string sign(std::string_view message) const;  // 64 bytes
  Ed25519PublicKey public_key() const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace reachback::crypto
