// The transport checksums of the Blob service: of bytes that come in pieces, when the client sent
// one. They guard against accidents on the way, nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace reachback::server {

// Not thread-safe; finish() once. 16 bytes.
class Md5Stream {
 public:
  Md5Stream();
  ~Md5Stream();
  Md5Stream(Md5Stream&&) noexcept;
  void update(std::string_view data);
  std::string finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// CRC-64 with the reflected polynomial 0x9A6C9329AC4BC9B5 (Azure Storage, NVMe). Source: the check
// value of "123456789" is 0xAE8B14860A799888.
class Crc64Stream {
 public:
  void update(std::string_view data);
  std::string finish() const;  // 8 bytes, little end first, as x-ms-content-crc64 has them

 private:
  std::uint64_t state_ = ~std::uint64_t{0};
};

}  // namespace reachback::server
