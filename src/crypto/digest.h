// Hashes and MACs over OpenSSL. Thread-safe. None of these can fail but for memory, which aborts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace reachback::crypto {

Sha256 sha256(std::string_view data);
Sha256 hmac_sha256(std::string_view key, std::string_view data);
// Constant time in the contents; false at once for different lengths.
bool constant_time_equal(std::string_view a, std::string_view b);

// SHA-256 of bytes that come in pieces. Not thread-safe; finish() once, then the object is done.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  Sha256Stream(const Sha256Stream&);  // knows what came so far; both go on by themselves
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void update(std::string_view data);
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Digests that others name files by; of these, only SHA-256 proves anything.
enum class DigestKind { sha256, sha1, md5 };

// One of them over bytes that come in pieces. Not thread-safe; finish() once, then it is done.
class DigestStream {
 public:
  // nullopt: this machine's OpenSSL does not offer it (one in FIPS mode has no MD5).
  static std::optional<DigestStream> create(DigestKind kind);
  ~DigestStream();
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;
  void update(std::string_view data);
  std::string finish_hex();

 private:
  struct Impl;
  explicit DigestStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reachback::crypto
