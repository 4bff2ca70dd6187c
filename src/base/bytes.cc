#include "base/bytes.h"

#include <algorithm>

#include "base/text.h"

namespace reachback {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHexLower = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";

std::string encode64(std::string_view bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  auto at = [&](std::size_t k) { return static_cast<std::uint8_t>(bytes[k]); };
  for (; i + 3 <= bytes.size(); i += 3) {
    std::uint32_t v = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63], alphabet[v & 63]};
  }
  std::size_t rest = bytes.size() - i;
  if (rest > 0) {
    std::uint32_t v = at(i) << 16 | (rest == 2 ? at(i + 1) << 8 : 0);
    out += alphabet[v >> 18];
    out += alphabet[v >> 12 & 63];
    if (rest == 2) {
      out += alphabet[v >> 6 & 63];
    }
    if (pad) {
      out.append(3 - rest, '=');
    }
  }
  return out;
}

std::array<std::int8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}

std::optional<std::string> decode64(std::string_view text,
                                    const std::array<std::int8_t, 256>& table) {
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t acc = 0;
  int bits = 0;
  for (char c : text) {
    const std::int8_t v = table[static_cast<std::uint8_t>(c)];
    if (v < 0) {
      return std::nullopt;
    }
    acc = acc << 6 | static_cast<std::uint8_t>(v);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(acc >> bits & 0xff);
    }
  }
  if ((acc & ((1u << bits) - 1)) != 0) {
    return std::nullopt;
  }
  return out;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    auto b = static_cast<std::uint8_t>(c);
    out += kHexLower[b >> 4];
    out += kHexLower[b & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    auto hi = kHexLower.find(hex[i]), lo = kHexLower.find(hex[i + 1]);
    if (hi == std::string_view::npos || lo == std::string_view::npos) {
      return std::nullopt;
    }
    out += static_cast<char>(hi << 4 | lo);
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  return encode64(bytes, kStandard, true);
}

std::optional<std::string> from_base64(std::string_view text) {
  static const auto table = reverse(kStandard);
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  for (int i = 0; i < 2 && text.ends_with('='); ++i) {
    text.remove_suffix(1);
  }
  return decode64(text, table);
}

std::string to_base64url(std::string_view bytes) {
  return encode64(bytes, kUrl, false);
}

std::optional<std::string> from_base64url(std::string_view text) {
  static const auto table = reverse(kUrl);
  return decode64(text, table);
}

std::optional<Sha256> sha256_from_bytes(std::string_view bytes) {
  Sha256 out{};
  if (bytes.size() != out.size()) {
    return std::nullopt;
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

std::optional<Sha256> sha256_from_hex(std::string_view hex) {
  auto bytes = from_hex(hex);
  return bytes ? sha256_from_bytes(*bytes) : std::nullopt;
}

namespace {

// What begins at i: a character, or as much of one as there is, one byte at least.
struct Utf8Part {
  std::size_t bytes;
  bool whole;
};
Utf8Part utf8_part(std::string_view s, std::size_t i) {
  const auto c = static_cast<std::uint8_t>(s[i]);
  std::size_t more = 0;
  std::uint8_t low = 0x80, high = 0xbf;  // of the next byte
  if (c < 0x80) {
    return {1, true};
  }
  if (c >= 0xc2 && c <= 0xdf) {
    more = 1;
  } else if (c >= 0xe0 && c <= 0xef) {
    more = 2;
    low = c == 0xe0 ? 0xa0 : 0x80;   // no overlong form
    high = c == 0xed ? 0x9f : 0xbf;  // no surrogate
  } else if (c >= 0xf0 && c <= 0xf4) {
    more = 3;
    low = c == 0xf0 ? 0x90 : 0x80;
    high = c == 0xf4 ? 0x8f : 0xbf;  // nothing above U+10FFFF
  } else {
    return {1, false};
  }
  std::size_t bytes = 1;
  for (; bytes <= more && i + bytes < s.size(); ++bytes) {
    const auto next = static_cast<std::uint8_t>(s[i + bytes]);
    if (next < low || next > high) {
      break;
    }
    low = 0x80;
    high = 0xbf;
  }
  return {bytes, bytes == more + 1};
}

}  // namespace

bool is_valid_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const Utf8Part part = utf8_part(s, i);
    if (!part.whole) {
      return false;
    }
    i += part.bytes;
  }
  return true;
}

std::string to_valid_utf8(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    const Utf8Part part = utf8_part(s, i);
    out += part.whole ? s.substr(i, part.bytes) : std::string_view("\xef\xbf\xbd");
    i += part.bytes;
  }
  return out;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  std::size_t size = std::min(text.size(), bytes_max);
  while (size < text.size() && size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) {
    --size;
  }
  return text.substr(0, size);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equals_ignore_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      int hi = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      int lo = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (hi < 0 || lo < 0 || (hi == 0 && lo == 0)) {
        return std::nullopt;
      }
      out += static_cast<char>(hi << 4 | lo);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (is_unreserved(c) || keep.find(c) != std::string_view::npos) {
      out += c;
    } else {
      auto b = static_cast<std::uint8_t>(c);
      out += {'%', kHexUpper[b >> 4], kHexUpper[b & 15]};
    }
  }
  return out;
}

}  // namespace reachback
