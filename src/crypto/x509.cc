#include "crypto/x509.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

namespace reachback::crypto {
namespace {

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* p) const { Free(p); }
};
using Cert = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

Error failed(const char* what) {
  return Error{Errc::internal, std::string("certificate: ") + what};
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

bool add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX ctx;
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str());
  if (extension == nullptr) {
    return false;
  }
  bool ok = X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

// A certificate with serial, validity, key and subject, still without extensions and signature.
Cert draft(EVP_PKEY* key, const std::string& common_name, Timestamp now, int days) {
  Cert cert(X509_new());
  unsigned char serial[16];
  if (!cert || RAND_bytes(serial, sizeof serial) != 1) {
    return nullptr;
  }
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert.get()));
  BN_free(number);
  X509_set_version(cert.get(), 2);
  auto start = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() - 300;
  ASN1_TIME_set(X509_getm_notBefore(cert.get()), start);
  ASN1_TIME_set(X509_getm_notAfter(cert.get()), start + static_cast<std::int64_t>(days) * 86400);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return cert;
}

Result<PemPair> to_pem(X509* cert, EVP_PKEY* key) {
  Memory cert_bio(BIO_new(BIO_s_mem())), key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(cert_bio.get(), cert) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failed("could not be written as PEM");
  }
  return PemPair{contents(cert_bio.get()), contents(key_bio.get())};
}

bool is_ip(const std::string& name) {
  unsigned char buffer[16];
  return inet_pton(AF_INET, name.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, name.c_str(), buffer) == 1;
}

bool is_dns_name(const std::string& name) {
  if (name.empty() || name.size() > 253) {
    return false;
  }
  return name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.*") ==
         std::string::npos;
}

}  // namespace

Result<PemPair> make_ca(const std::string& common_name, Timestamp now) {
  Key key(EVP_EC_gen("P-256"));
  Cert cert = key ? draft(key.get(), common_name, now, 3650) : nullptr;
  if (!cert) {
    return failed("could not be made");
  }
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  if (!add_extension(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(cert.get(), cert.get(), NID_subject_key_identifier, "hash") ||
      X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) {
    return failed("CA could not be signed");
  }
  return to_pem(cert.get(), key.get());
}

Result<PemPair> issue_server_certificate(const PemPair& ca, const std::vector<std::string>& names,
                                         int days, Timestamp now) {
  Memory ca_cert_bio(
      BIO_new_mem_buf(ca.certificate.data(), static_cast<int>(ca.certificate.size())));
  Memory ca_key_bio(
      BIO_new_mem_buf(ca.private_key.data(), static_cast<int>(ca.private_key.size())));
  Cert issuer(PEM_read_bio_X509(ca_cert_bio.get(), nullptr, nullptr, nullptr));
  Key issuer_key(PEM_read_bio_PrivateKey(ca_key_bio.get(), nullptr, nullptr, nullptr));
  if (!issuer || !issuer_key) {
    return Error{Errc::invalid_input, "certificate: the CA is not readable"};
  }
  std::string alternatives;
  for (const std::string& name : names) {
    if (!is_ip(name) && !is_dns_name(name)) {
      return Error{Errc::invalid_input,
                   "certificate: '" + name + "' is neither a DNS name nor an address"};
    }
    alternatives +=
        (alternatives.empty() ? "" : ",") + std::string(is_ip(name) ? "IP:" : "DNS:") + name;
  }
  if (alternatives.empty()) {
    return Error{Errc::invalid_input, "certificate: no name to issue it for"};
  }
  Key key(EVP_EC_gen("P-256"));
  Cert cert = key ? draft(key.get(), names.front(), now, days) : nullptr;
  if (!cert) {
    return failed("could not be made");
  }
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get()));
  if (!add_extension(cert.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(cert.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(cert.get(), issuer.get(), NID_ext_key_usage, "serverAuth") ||
      !add_extension(cert.get(), issuer.get(), NID_subject_alt_name, alternatives) ||
      !add_extension(cert.get(), issuer.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(cert.get(), issuer.get(), NID_authority_key_identifier, "keyid") ||
      X509_sign(cert.get(), issuer_key.get(), EVP_sha256()) == 0) {
    return failed("could not be signed");
  }
  return to_pem(cert.get(), key.get());
}

}  // namespace reachback::crypto
