// Content-Disposition: only its file name is kept, and every download is an attachment. Pure.
// Source: RFC 6266; clients.md 29 (a client takes everything after "filename=").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace reachback::server {

// `attachment; filename="..."`. A name that does not fit a plain quoted string (non-ASCII, quotes,
// '%') is shown with '_' for the odd bytes and whole in filename*. Path separators become '_'.
// Never holds a control character.
std::string attachment(std::string_view file_name);

// The file name that a header value tells; "" when it tells none. nullopt: malformed, not UTF-8,
// control characters, over kFileNameBytesMax.
std::optional<std::string> parse_disposition(std::string_view header);

}  // namespace reachback::server
