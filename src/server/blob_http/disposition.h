// Content-Disposition as an agent sends it: only its file name is kept, and every download is an
// attachment (protocol/attachment.h writes that). Pure. Source: RFC 6266.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace reachback::server {

// The file name that a header value tells; "" when it tells none. nullopt: malformed, not UTF-8,
// control characters, over kFileNameBytesMax.
std::optional<std::string> parse_disposition(std::string_view header);

}  // namespace reachback::server
