#include "fleet/addresses.h"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace reachback::fleet {

bool takes_loopback_sources(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

std::string source_address(std::size_t index, std::size_t sources) {
  const std::size_t number = (127U << 24) + (16U << 16) + 1 + index % sources;
  return fmt::format("{}.{}.{}.{}", number >> 24, number >> 16 & 255, number >> 8 & 255,
                     number & 255);
}

}  // namespace reachback::fleet
