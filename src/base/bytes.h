// Text forms of bytes. Byte strings are std::string / std::string_view throughout.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reachback {

using Sha256 = std::array<std::uint8_t, 32>;

inline std::string_view as_bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
template <std::size_t N>
std::string_view as_bytes(const std::array<std::uint8_t, N>& a) {
  return as_bytes(a.data(), N);
}

std::string to_hex(std::string_view bytes);                 // lower case
std::optional<std::string> from_hex(std::string_view hex);  // lower case only; nullopt otherwise
std::string to_base64(std::string_view bytes);              // RFC 4648 §4 with padding
std::optional<std::string> from_base64(
    std::string_view text);  // canonical only: padding present, spare bits zero
std::string to_base64url(std::string_view bytes);  // RFC 4648 §5 without padding
std::optional<std::string> from_base64url(
    std::string_view text);  // canonical only, without padding
// nullopt unless exactly 32 bytes in 64 lower-case digits.
std::optional<Sha256> sha256_from_hex(std::string_view hex);
// Exactly 32 bytes, else nullopt.
std::optional<Sha256> sha256_from_bytes(std::string_view bytes);

bool is_valid_utf8(std::string_view text);
// The text with U+FFFD for each beginning of a character that does not go on, and for each byte
// that begins none. Source: the Unicode standard, "substitution of maximal subparts" (section 3.9).
std::string to_valid_utf8(std::string_view text);
// At most so many bytes of valid text, cut between two characters.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);
// ASCII only.
std::string to_lower(std::string_view text);
bool equals_ignore_case(std::string_view a, std::string_view b);

// Percent-decoding of a URL component, once. plus_is_space for form bodies and queries.
// nullopt: a % not followed by two hex digits, or a decoded NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but A-Z a-z 0-9 - . _ ~ and the characters of `keep` becomes %XX (upper case).
std::string percent_encode(std::string_view text, std::string_view keep = "");

}  // namespace reachback
