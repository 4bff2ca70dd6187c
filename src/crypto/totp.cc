#include "crypto/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace reachback::crypto {

std::uint64_t totp_step(Timestamp at) {
  const auto s = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return s < 0 ? 0 : static_cast<std::uint64_t>(s) / 30;
}

std::string totp_code(std::string_view key, std::uint64_t step) {
  std::array<unsigned char, 8> counter{};
  for (std::size_t i = 0; i < counter.size(); ++i) {
    counter[i] = static_cast<unsigned char>(step >> (8 * (7 - i)));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (::HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), counter.data(), counter.size(),
             mac.data(), &size) == nullptr) {
    std::abort();  // no memory
  }
  // Four bytes from where the last half-byte says. Source: RFC 4226 §5.3.
  const std::size_t at = mac[size - 1] & 0x0fu;
  const std::uint32_t number = (std::uint32_t{mac[at]} & 0x7fu) << 24 |
                               std::uint32_t{mac[at + 1]} << 16 | std::uint32_t{mac[at + 2]} << 8 |
                               std::uint32_t{mac[at + 3]};
  std::string digits = std::to_string(number % 1'000'000);
  return std::string(6 - digits.size(), '0') + digits;
}

std::string to_base32(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (char c : bytes) {
    held = (held << 8) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += kAlphabet[(held >> bits) & 31u];
    }
  }
  if (bits > 0) {
    out += kAlphabet[(held << (5 - bits)) & 31u];
  }
  return out;
}

}  // namespace reachback::crypto
