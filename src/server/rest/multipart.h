// A small, strict reader of multipart/form-data (RFC 7578) over a body that is there as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reachback::server::rest {

struct MultipartBounds {
  std::uint64_t parts = 16;
  std::uint64_t header_bytes = 8 << 10;  // of one part
  std::uint64_t boundary_chars = 70;
};

struct Part {
  std::string name;
  std::optional<std::string> filename;  // as sent; from filename* when only that is there
  std::string_view content;             // a view into the body
};

// Errors: unsupported_media (not multipart/form-data), invalid_body (everything else, the message
// says what). Source: trust.md §5.7.
Result<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body,
                                          const MultipartBounds& bounds);

}  // namespace reachback::server::rest
