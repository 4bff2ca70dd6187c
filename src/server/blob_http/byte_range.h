// Which part of a blob a request wants: Range of RFC 9110. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace reachback::server {

struct ByteRange {
  enum class Kind { whole, part, unsatisfiable };
  Kind kind = Kind::whole;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
// One range "bytes=a-b", "bytes=a-" or "bytes=-n". Anything malformed, in another unit or with
// several ranges counts as not sent (RFC 9110 §14.2): the whole blob, once.
ByteRange select_range(std::optional<std::string_view> header, std::uint64_t size);

}  // namespace reachback::server
