// Content-Disposition of a download. Pure. Source: RFC 6266; clients.md 29 (a client takes
// everything after "filename=").
#pragma once

#include <string>
#include <string_view>

namespace reachback::protocol {

// `attachment; filename="..."`. A name that does not fit a plain quoted string (non-ASCII, quotes,
// '%') is shown with '_' for the odd bytes and whole in filename*. Path separators become '_'.
// Never holds a control character. "": `attachment`.
std::string attachment(std::string_view file_name);

// The name without what no file of a download may have in it: path separators and control
// characters become '_', bytes that are no UTF-8 U+FFFD; at most bytes_max bytes, cut between
// characters.
std::string download_name(std::string_view file_name, std::size_t bytes_max);

}  // namespace reachback::protocol
