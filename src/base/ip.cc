#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>

namespace reachback {

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
