// For the tests of this folder: makes tokens with any header, claims and key.
#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "server/auth_jwt/keys.h"

namespace reachback::server {

using Signer = std::function<std::string(std::string_view)>;

inline std::string forge(std::string_view header, std::string_view payload, const Signer& sign) {
  std::string token = to_base64url(header) + "." + to_base64url(payload);
  return token + "." + to_base64url(sign(token));
}

inline Signer key_signer(const SigningKey& key) {
  return [key](std::string_view message) { return key.sign(message); };
}

inline Signer hmac_signer(std::string secret) {
  return [secret](std::string_view message) {
    return std::string(as_bytes(crypto::hmac_sha256(secret, message)));
  };
}

// SubjectPublicKeyInfo, DER.
inline std::string spki_of(const EVP_PKEY* key) {
  unsigned char* data = nullptr;
  int size = i2d_PUBKEY(key, &data);
  std::string out(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return out;
}
inline std::string spki_of_pem(const std::string& private_key) {
  BIO* bio = BIO_new_mem_buf(private_key.data(), static_cast<int>(private_key.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  std::string out = spki_of(key);
  EVP_PKEY_free(key);
  BIO_free_all(bio);
  return out;
}

// An RSA key; slow to make, so tests share them.
class RsaKey {
 public:
  explicit RsaKey(unsigned bits) : key_(EVP_RSA_gen(bits), EVP_PKEY_free) {}

  std::string n() const { return part(OSSL_PKEY_PARAM_RSA_N); }
  std::string e() const { return part(OSSL_PKEY_PARAM_RSA_E); }
  std::string jwk(const std::string& kid, const std::string& more = "") const {
    return R"({"kty":"RSA","kid":")" + kid + R"(","n":")" + to_base64url(n()) + R"(","e":")" +
           to_base64url(e()) + "\"" + more + "}";
  }
  std::string spki() const { return spki_of(key_.get()); }
  // RS256; or PS256, RS512 and others. salt: of PSS only.
  Signer signer(const char* digest = "SHA256", int padding = RSA_PKCS1_PADDING,
                int salt = RSA_PSS_SALTLEN_DIGEST) const {
    return [key = key_, digest, padding, salt](std::string_view message) {
      EVP_MD_CTX* ctx = EVP_MD_CTX_new();
      EVP_PKEY_CTX* key_ctx = nullptr;
      EVP_DigestSignInit_ex(ctx, &key_ctx, digest, nullptr, nullptr, key.get(), nullptr);
      EVP_PKEY_CTX_set_rsa_padding(key_ctx, padding);
      if (padding == RSA_PKCS1_PSS_PADDING) {
        EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, salt);
      }
      std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
      std::string out(size, '\0');
      EVP_DigestSign(ctx, reinterpret_cast<unsigned char*>(out.data()), &size,
                     reinterpret_cast<const unsigned char*>(message.data()), message.size());
      EVP_MD_CTX_free(ctx);
      out.resize(size);
      return out;
    };
  }

 private:
  std::string part(const char* name) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &number);
    std::string out(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(number);
    return out;
  }
  std::shared_ptr<EVP_PKEY> key_;
};

inline const RsaKey& rsa_2048() {
  static const RsaKey key(2048);
  return key;
}

// Every fill differs from the one before.
class CountingRandom : public Random {
 public:
  void fill(std::uint8_t* out, std::size_t size) override {
    std::uint64_t value = ++count_;
    for (std::size_t i = 0; i < size; ++i) {
      out[i] = static_cast<std::uint8_t>(value >> (8 * (i % 8)));
    }
  }

 private:
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace reachback::server
