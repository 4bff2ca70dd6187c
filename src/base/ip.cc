#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace reachback {
namespace {

struct Block {
  std::array<std::uint8_t, 4> start;
  int bits;
};

constexpr Block kSpecial4[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},     {{100, 64, 0, 0}, 10}, {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12},  {{192, 0, 0, 0}, 24},  {{192, 0, 2, 0}, 24},
    {{192, 88, 99, 0}, 24}, {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24}, {{224, 0, 0, 0}, 4},    {{240, 0, 0, 0}, 4},
};

using Bytes16 = std::array<std::uint8_t, 16>;

bool is_public_4(std::span<const std::uint8_t, 4> address) {
  auto number = [](std::span<const std::uint8_t, 4> a) {
    return std::uint32_t{a[0]} << 24 | std::uint32_t{a[1]} << 16 | std::uint32_t{a[2]} << 8 | a[3];
  };
  return std::none_of(std::begin(kSpecial4), std::end(kSpecial4), [&](const Block& b) {
    return (number(address) ^ number(b.start)) >> (32 - b.bits) == 0;
  });
}

// Only 2000::/3 is given out; of that, what is documentation, protocol use or carries an IPv4
// address is looked at.
bool is_public_6(const Bytes16& a) {
  const std::span<const std::uint8_t, 16> all(a);
  const bool zero_to_10 = std::all_of(a.begin(), a.begin() + 10, [](auto b) { return b == 0; });
  if (zero_to_10 && a[10] == 0xff && a[11] == 0xff) {
    return is_public_4(all.last<4>());  // ::ffff:a.b.c.d
  }
  static constexpr std::array<std::uint8_t, 12> kNat64 = {0, 0x64, 0xff, 0x9b};
  if (std::equal(kNat64.begin(), kNat64.end(), a.begin())) {
    return is_public_4(all.last<4>());  // 64:ff9b::/96
  }
  if (a[0] == 0x20 && a[1] == 0x02) {
    return is_public_4(all.subspan<2, 4>());  // 2002::/16, 6to4
  }
  const bool documentation = (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) ||
                             (a[0] == 0x3f && a[1] == 0xff && (a[2] & 0xf0) == 0);
  const bool protocols = a[0] == 0x20 && a[1] == 0x01 && a[2] < 2;  // 2001::/23, Teredo too
  return (a[0] & 0xe0) == 0x20 && !documentation && !protocols;
}

}  // namespace

bool is_public_ip(std::string_view text) {
  const std::string address = normal_ip(text);
  std::array<std::uint8_t, 4> four{};
  Bytes16 sixteen{};
  if (::inet_pton(AF_INET, address.c_str(), four.data()) == 1) {
    return is_public_4(four);
  }
  return ::inet_pton(AF_INET6, address.c_str(), sixteen.data()) == 1 && is_public_6(sixteen);
}

std::string normal_ip(std::string_view text) {
  const std::string address(text);
  std::array<char, INET6_ADDRSTRLEN> out{};
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (address.find('\0') == std::string::npos &&
        ::inet_pton(family, address.c_str(), bytes.data()) == 1 &&
        ::inet_ntop(family, bytes.data(), out.data(), out.size()) != nullptr) {
      return out.data();
    }
  }
  return {};
}

}  // namespace reachback
