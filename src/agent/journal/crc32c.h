// CRC-32C (Castagnoli), the check of a journal record. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace reachback::agent {

// crc32c_extend(crc32c(a), b) == crc32c(a + b).
std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view bytes);
inline std::uint32_t crc32c(std::string_view bytes) {
  return crc32c_extend(0, bytes);
}

}  // namespace reachback::agent
