#include "server/blob_http/checksum.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace reachback::server {
namespace {

void check(bool ok) {
  if (!ok) {
    std::abort();  // Only out of memory gets here.
  }
}

constexpr std::array<std::uint64_t, 256> make_table() {
  std::array<std::uint64_t, 256> table{};
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    std::uint64_t v = i;
    for (int bit = 0; bit < 8; ++bit) {
      v = (v >> 1) ^ ((v & 1) != 0 ? 0x9A6C9329AC4BC9B5u : 0u);
    }
    table[i] = v;
  }
  return table;
}
constexpr auto kTable = make_table();

}  // namespace

struct Md5Stream::Impl {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(ctx); }
};

Md5Stream::Md5Stream() : impl_(std::make_unique<Impl>()) {
  check(EVP_DigestInit_ex(impl_->ctx, EVP_md5(), nullptr) == 1);
}
Md5Stream::~Md5Stream() = default;
Md5Stream::Md5Stream(Md5Stream&&) noexcept = default;

void Md5Stream::update(std::string_view data) {
  check(EVP_DigestUpdate(impl_->ctx, data.data(), data.size()) == 1);
}

std::string Md5Stream::finish() {
  std::string out(16, '\0');
  check(EVP_DigestFinal_ex(impl_->ctx, reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1);
  return out;
}

void Crc64Stream::update(std::string_view data) {
  for (char c : data) {
    state_ = kTable[(state_ ^ static_cast<std::uint8_t>(c)) & 0xff] ^ (state_ >> 8);
  }
}

std::string Crc64Stream::finish() const {
  std::string out;
  for (int shift = 0; shift < 64; shift += 8) {
    out += static_cast<char>(~state_ >> shift & 0xff);
  }
  return out;
}

}  // namespace reachback::server
