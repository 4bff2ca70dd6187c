#include "crypto/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <optional>

#include "crypto/digest.h"

namespace reachback::crypto {
namespace {

constexpr std::size_t kPemBytesMax = 32 << 10;
constexpr std::size_t kSubjectBytesMax = 512;

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* p) const { Free(p); }
};
using Cert = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

Error bad(std::string what) {
  return Error{Errc::invalid_input, "certificate: " + std::move(what)};
}

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + word.size())) {
    ++count;
  }
  return count;
}

template <typename T>
std::string to_der(T* object, int (*encode)(const T*, unsigned char**)) {
  int size = encode(object, nullptr);
  std::string der(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  return size > 0 && encode(object, &out) == size ? der : std::string();
}

std::optional<Timestamp> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return std::nullopt;
  }
  return Timestamp(std::chrono::seconds(::timegm(&parts)));
}

// RFC 2253 form: what is not printable ASCII is escaped.
std::string subject_of(const X509* cert) {
  Memory bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0) {
    return "";
  }
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size)).substr(0, kSubjectBytesMax);
}

Result<void> check_key(const X509* cert) {
  const EVP_PKEY* key = X509_get0_pubkey(cert);
  if (key == nullptr) {
    return bad("its key cannot be read");
  }
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    int bits = EVP_PKEY_get_bits(key);
    return bits >= kRsaBitsMin && bits <= kRsaBitsMax
               ? Result<void>()
               : bad("its RSA key has " + std::to_string(bits) + " bits, not 2048 to 8192");
  }
  char group[32] = {};
  if (EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
      std::string_view(group) == "prime256v1") {
    return {};
  }
  return bad("its key is neither RSA nor on P-256");
}

}  // namespace

Result<Certificate> read_certificate(std::string_view pem) {
  if (pem.size() > kPemBytesMax) {
    return bad("over 32 KiB");
  }
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return bad("there is a private key beside it; that key stays with the application");
  }
  std::size_t count = count_of(pem, "-----BEGIN CERTIFICATE-----");
  if (count != 1) {
    return bad(std::to_string(count) + " of them in the text, not one in PEM");
  }
  Memory bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // PEM may say that it is encrypted; OpenSSL would ask the terminal for a passphrase.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  Cert cert(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (!cert) {
    return bad("cannot be read");
  }
  RB_TRY(check_key(cert.get()));
  const std::string der = to_der<X509>(cert.get(), i2d_X509);
  auto not_before = time_of(X509_get0_notBefore(cert.get()));
  auto not_after = time_of(X509_get0_notAfter(cert.get()));
  Certificate out;
  out.public_key = to_der<EVP_PKEY>(X509_get0_pubkey(cert.get()), i2d_PUBKEY);
  if (der.empty() || out.public_key.empty() || !not_before || !not_after) {
    return bad("cannot be read");
  }
  unsigned char sha1[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(der.data(), der.size(), sha1, &size, EVP_sha1(), nullptr) != 1) {
    return Error{Errc::internal, "certificate: SHA-1 is not available"};
  }
  out.sha1.assign(reinterpret_cast<const char*>(sha1), size);
  out.sha256 = sha256(der);
  out.subject = subject_of(cert.get());
  out.not_before = *not_before;
  out.not_after = *not_after;
  return out;
}

}  // namespace reachback::crypto
