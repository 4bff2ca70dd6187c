#include "server/auth_jwt/keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdlib>

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"

namespace reachback::server {
namespace {

using crypto::kRsaBitsMax, crypto::kRsaBitsMin;

constexpr std::size_t kCoordinateBytes = 32;  // P-256
constexpr unsigned kOwnRsaBits = 3072;

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* p) const { Free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BIGNUM, BN_clear_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM, OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void check(bool ok) {
  if (!ok) {
    std::abort();  // Only out of memory gets here.
  }
}

Number number(std::string_view big_endian) {
  return Number(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

Key public_key(const char* type, OSSL_PARAM* params) {
  KeyContext ctx(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!ctx || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
      EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    return nullptr;
  }
  return Key(key);
}

// A JWS carries r||s, OpenSSL wants the ASN.1 sequence. Empty when it cannot be built.
std::string to_der(std::string_view raw) {
  Signature signature(ECDSA_SIG_new());
  Number r = number(raw.substr(0, kCoordinateBytes)), s = number(raw.substr(kCoordinateBytes));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return {};
  }
  // NOLINTNEXTLINE(bugprone-unused-return-value): they are the signature's now
  static_cast<void>(r.release()), static_cast<void>(s.release());
  int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  std::string der(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  return i2d_ECDSA_SIG(signature.get(), &out) == size ? der : std::string();
}

// The other way round.
std::string to_raw(std::string_view der) {
  const unsigned char* in = bytes(der);
  Signature signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  std::string raw(2 * kCoordinateBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  constexpr int kHalf = static_cast<int>(kCoordinateBytes);
  check(signature != nullptr &&
        BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kHalf) == kHalf &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kHalf, kHalf) == kHalf);
  return raw;
}

std::string coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) {
    return {};
  }
  Number owned(value);
  std::string out(kCoordinateBytes, '\0');
  return BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), kCoordinateBytes) ==
                 static_cast<int>(kCoordinateBytes)
             ? out
             : std::string();
}

// Big-endian, without zeros in front.
std::string rsa_number(EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) {
    return {};
  }
  Number owned(value);
  std::string out(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
  BN_bn2bin(value, reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  if (name == "ES256") {
    return Algorithm::es256;
  }
  if (name == "RS256") {
    return Algorithm::rs256;
  }
  return std::nullopt;
}

std::string_view to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256:
      return "ES256";
    case Algorithm::rs256:
      return "RS256";
    case Algorithm::ps256:
      return "PS256";
  }
  return "";
}

Result<VerificationKey> VerificationKey::prepare(Algorithm algorithm, evp_pkey_st* key) {
  DigestContext ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;  // owned by ctx
  bool ready = ctx && EVP_DigestVerifyInit_ex(ctx.get(), &settings, "SHA256", nullptr, nullptr, key,
                                              nullptr) == 1;
  if (ready && algorithm == Algorithm::ps256) {
    ready = EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  if (!ready) {
    return Error{Errc::invalid_input, "key: cannot be used for a signature"};
  }
  VerificationKey out;
  out.algorithm_ = algorithm;
  out.signature_bytes_ = algorithm == Algorithm::es256
                             ? 2 * kCoordinateBytes
                             : static_cast<std::size_t>(EVP_PKEY_get_size(key));
  out.prepared_ = std::shared_ptr<EVP_MD_CTX>(ctx.release(), EVP_MD_CTX_free);
  return out;
}

Result<VerificationKey> VerificationKey::from_ec(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return Error{Errc::invalid_input, "key: a coordinate of P-256 has 32 bytes"};
  }
  std::string point = "\x04";
  point.append(x).append(y);
  Builder builder(OSSL_PARAM_BLD_new());
  check(builder != nullptr &&
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()));
  Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  Key key = public_key("EC", params.get());
  KeyContext ctx(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr) : nullptr);
  if (!ctx || EVP_PKEY_public_check(ctx.get()) != 1) {
    return Error{Errc::invalid_input, "key: not a point on P-256"};
  }
  return prepare(Algorithm::es256, key.get());
}

Result<VerificationKey> VerificationKey::from_rsa(std::string_view n, std::string_view e,
                                                  Algorithm algorithm) {
  if (n.size() > kRsaBitsMax / 8 || e.size() > 8) {
    return Error{Errc::invalid_input, "key: an RSA modulus has at most 8192 bits"};
  }
  Number modulus = number(n), exponent = number(e);
  check(modulus != nullptr && exponent != nullptr);
  if (BN_num_bits(modulus.get()) < kRsaBitsMin || !BN_is_odd(modulus.get())) {
    return Error{Errc::invalid_input, "key: an RSA modulus has at least 2048 bits"};
  }
  if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get())) {
    return Error{Errc::invalid_input, "key: an RSA exponent is odd and at least 3"};
  }
  Builder builder(OSSL_PARAM_BLD_new());
  check(builder != nullptr &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()));
  Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  Key key = public_key("RSA", params.get());
  if (!key) {
    return Error{Errc::invalid_input, "key: not an RSA key"};
  }
  return prepare(algorithm, key.get());
}

Result<VerificationKey> VerificationKey::from_spki(std::string_view der, Algorithm algorithm) {
  const unsigned char* in = bytes(der);
  Key key(d2i_PUBKEY(nullptr, &in, static_cast<long>(der.size())));
  if (!key || in != bytes(der) + der.size()) {
    return Error{Errc::invalid_input, "key: unreadable"};
  }
  if (algorithm == Algorithm::es256) {
    char group[32] = {};
    if (EVP_PKEY_is_a(key.get(), "EC") != 1 ||
        EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) != 1 ||
        std::string_view(group) != "prime256v1") {
      return Error{Errc::invalid_input, "key: not a point on P-256"};
    }
  } else if (EVP_PKEY_is_a(key.get(), "RSA") != 1 || EVP_PKEY_get_bits(key.get()) < kRsaBitsMin ||
             EVP_PKEY_get_bits(key.get()) > kRsaBitsMax) {
    return Error{Errc::invalid_input, "key: not RSA of 2048 to 8192 bits"};
  }
  return prepare(algorithm, key.get());
}

bool VerificationKey::verify(std::string_view message, std::string_view signature) const {
  if (signature.size() != signature_bytes_ || !prepared_) {
    return false;
  }
  std::string der;
  if (algorithm_ == Algorithm::es256) {
    der = to_der(signature);
    signature = der;
  }
  DigestContext ctx(EVP_MD_CTX_new());
  check(ctx != nullptr && EVP_MD_CTX_copy_ex(ctx.get(), prepared_.get()) == 1);
  return EVP_DigestVerify(ctx.get(), bytes(signature), signature.size(), bytes(message),
                          message.size()) == 1;
}

std::string generate_signing_key(Algorithm algorithm) {
  Key key(algorithm == Algorithm::es256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(kOwnRsaBits));
  Memory bio(BIO_new(BIO_s_mem()));
  check(key && bio &&
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  Memory bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An empty passphrase instead of the default prompt on the terminal.
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, const_cast<char*>("")));
  const bool rsa = key && EVP_PKEY_is_a(key.get(), "RSA") == 1;
  char group[32] = {};
  if (!key || (!rsa && (EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) != 1 ||
                        std::string_view(group) != "prime256v1"))) {
    return Error{Errc::invalid_input, "token signing key: not a P-256 or RSA private key in PEM"};
  }
  std::string first = rsa ? rsa_number(key.get(), OSSL_PKEY_PARAM_RSA_N)
                          : coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
  std::string second = rsa ? rsa_number(key.get(), OSSL_PKEY_PARAM_RSA_E)
                           : coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
  auto public_part =
      rsa ? VerificationKey::from_rsa(first, second) : VerificationKey::from_ec(first, second);
  if (!public_part) {
    return public_part.error().in("token signing key");
  }
  SigningKey out(*public_part);
  first = to_base64url(first), second = to_base64url(second);
  if (rsa) {
    out.name(R"("e":")" + second + R"(","kty":"RSA","n":")" + first + '"',
             rsa_number(key.get(), OSSL_PKEY_PARAM_RSA_D));
  } else {
    out.name(R"("crv":"P-256","kty":"EC","x":")" + first + R"(","y":")" + second + '"',
             coordinate(key.get(), OSSL_PKEY_PARAM_PRIV_KEY));
  }
  out.private_ = std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free);
  return out;
}

void SigningKey::name(const std::string& members, std::string secret) {
  check(!secret.empty());
  kid_ = to_base64url(as_bytes(crypto::sha256("{" + members + "}")));
  jwk_ = "{" + members + R"(,"kid":")" + kid_ + R"(","use":"sig","alg":")" +
         std::string(to_string(algorithm())) + "\"}";
  seal_key_ = crypto::hmac_sha256(secret, "reachback token seal v1");
  OPENSSL_cleanse(secret.data(), secret.size());
}

std::string SigningKey::seal(std::string_view payload) const {
  constexpr std::size_t kSealBytes = 16;
  const Sha256 mac = crypto::hmac_sha256(as_bytes(seal_key_), payload);
  return to_base64url(as_bytes(mac).substr(0, kSealBytes));
}

bool SigningKey::is_sealed(std::string_view payload, std::string_view seal) const {
  return crypto::constant_time_equal(this->seal(payload), seal);
}

std::string SigningKey::sign(std::string_view message) const {
  DigestContext ctx(EVP_MD_CTX_new());
  std::string made(static_cast<std::size_t>(EVP_PKEY_get_size(private_.get())), '\0');
  std::size_t size = made.size();
  // The padding of an RSA key is PKCS #1 v1.5 unless one asks for another.
  check(ctx != nullptr &&
        EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA256", nullptr, nullptr, private_.get(),
                              nullptr) == 1 &&
        EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(made.data()), &size,
                       bytes(message), message.size()) == 1);
  made.resize(size);
  return algorithm() == Algorithm::es256 ? to_raw(made) : made;
}

}  // namespace reachback::server
