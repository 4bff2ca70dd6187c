// What server and signer say to each other over their socket. A frame: length u32 (of what follows)
// | kind u8 | id u64 | payload, little-endian. Any number of requests may be under way. Pure.
//   sign        order keys version u64, serialised Order -> signed (SignedOrder) or refused (text)
//   keys        nothing -> keys_are: serialised OrderKeys' length u32, OrderKeys, SignedOrderKeys
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::server {

enum class FrameKind : std::uint8_t {
  sign = 1,
  keys = 2,
  signed_order = 3,
  refused = 4,
  keys_are = 5
};

struct SignerFrame {
  FrameKind kind = FrameKind::sign;
  std::uint64_t id = 0;
  std::string payload;
};

inline constexpr std::size_t kSignerFrameBytesMax = 600 << 10;

std::string encode_frame(const SignerFrame& frame);
// Takes the first whole frame off `bytes`; nullopt: more is needed. Errors: protocol (a length out
// of bounds, an unknown kind): the connection is of no use any more.
Result<std::optional<SignerFrame>> take_frame(std::string& bytes);

std::string encode_number(std::uint64_t value, int bytes);
// Takes a number off the front. Errors: protocol (too short).
Result<std::uint64_t> take_number(std::string_view& bytes, int size);

}  // namespace reachback::server
