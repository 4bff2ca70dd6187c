#include "crypto/ed25519.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>

namespace reachback::crypto {
namespace {

std::shared_ptr<EVP_PKEY> own(EVP_PKEY* key) {
  return {key, EVP_PKEY_free};
}

struct Context {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(ctx); }
};

const unsigned char* raw(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

}  // namespace

Result<Ed25519PublicKey> Ed25519PublicKey::from_spki(std::string_view der) {
  const unsigned char* at = raw(der);
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
  if (key == nullptr) {
    return Error{Errc::invalid_input, "public key: not a SubjectPublicKeyInfo"};
  }
  Ed25519PublicKey out;
  out.key_ = own(key);
  if (EVP_PKEY_id(key) != EVP_PKEY_ED25519 || at != raw(der) + der.size()) {
    return Error{Errc::invalid_input, "public key: not an Ed25519 key"};
  }
  return out;
}

std::string Ed25519PublicKey::spki() const {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0) {
    std::abort();
  }
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool Ed25519PublicKey::verify(std::string_view message, std::string_view signature) const {
  Context c;
  return EVP_DigestVerifyInit(c.ctx, nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(c.ctx, raw(signature), signature.size(), raw(message), message.size()) ==
             1;
}

Ed25519PrivateKey Ed25519PrivateKey::generate() {
  Ed25519PrivateKey out;
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) {
    std::abort();
  }
  out.key_ = own(key);
  return out;
}

Result<Ed25519PrivateKey> Ed25519PrivateKey::from_pem(std::string_view pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  if (key == nullptr || EVP_PKEY_id(key) != EVP_PKEY_ED25519) {
    EVP_PKEY_free(key);
    return Error{Errc::invalid_input, "private key: not an Ed25519 key in PEM"};
  }
  Ed25519PrivateKey out;
  out.key_ = own(key);
  return out;
}

std::string Ed25519PrivateKey::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  if (PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    std::abort();
  }
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

std::string Ed25519PrivateKey::sign(std::string_view message) const {
  Context c;
  std::string out(64, '\0');
  std::size_t size = out.size();
  if (EVP_DigestSignInit(c.ctx, nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(c.ctx, reinterpret_cast<unsigned char*>(out.data()), &size, raw(message),
                     message.size()) != 1) {
    std::abort();
  }
  return out;
}

Ed25519PublicKey Ed25519PrivateKey::public_key() const {
  Ed25519PublicKey out;
  out.key_ = key_;
  return out;
}

}  // namespace reachback::crypto
