#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace reachback::crypto {

namespace {
void check(bool ok) {
  if (!ok) {
    std::abort();  // Only out of memory gets here.
  }
}
const EVP_MD* md_sha256() {
  static EVP_MD* md = EVP_MD_fetch(
      nullptr, "SHA256", nullptr);  // Fetched once: an implicit fetch costs more than the hash.
  return md;
}
}  // namespace

Sha256 sha256(std::string_view data) {
  Sha256 out;
  unsigned int size = 0;
  check(EVP_Digest(data.data(), data.size(), out.data(), &size, md_sha256(), nullptr) == 1);
  return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
  Sha256 out;
  unsigned int size = 0;
  check(HMAC(md_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(data.data()), data.size(), out.data(),
             &size) != nullptr);
  return out;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

struct Sha256Stream::Impl {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(ctx); }
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {
  check(EVP_DigestInit_ex(impl_->ctx, md_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

Sha256Stream::Sha256Stream(const Sha256Stream& other) : impl_(std::make_unique<Impl>()) {
  check(EVP_MD_CTX_copy_ex(impl_->ctx, other.impl_->ctx) == 1);
}

void Sha256Stream::update(std::string_view data) {
  check(EVP_DigestUpdate(impl_->ctx, data.data(), data.size()) == 1);
}

Sha256 Sha256Stream::finish() {
  Sha256 out;
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(impl_->ctx, out.data(), &size) == 1);
  return out;
}

struct DigestStream::Impl {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(ctx); }
};

std::optional<DigestStream> DigestStream::create(DigestKind kind) {
  const EVP_MD* md = kind == DigestKind::sha256 ? md_sha256()
                     : kind == DigestKind::sha1 ? EVP_sha1()
                                                : EVP_md5();
  auto impl = std::make_unique<Impl>();
  if (EVP_DigestInit_ex(impl->ctx, md, nullptr) != 1) {
    return std::nullopt;
  }
  return DigestStream(std::move(impl));
}

DigestStream::DigestStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::update(std::string_view data) {
  check(EVP_DigestUpdate(impl_->ctx, data.data(), data.size()) == 1);
}

std::string DigestStream::finish_hex() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(impl_->ctx, out.data(), &size) == 1);
  return to_hex(as_bytes(out.data(), size));
}

}  // namespace reachback::crypto
