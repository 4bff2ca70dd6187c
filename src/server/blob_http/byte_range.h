// Which part of a blob a request wants, and whether it still wants it: Range and the ETag
// conditions of RFC 9110. Pure.
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

// Whether If-Match / If-None-Match's list names the (strong) etag, or is "*". weak_too: W/"x"
// counts as "x".
bool etag_listed(std::string_view list, std::string_view etag, bool weak_too);

}  // namespace reachback::server
