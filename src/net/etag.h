// The conditions of RFC 9110 on ETags. Pure.
#pragma once

#include <string_view>

namespace reachback::net {

// Whether the list of If-Match or If-None-Match names the etag, which stands there without W/, or
// is
// "*". weak_too: W/"x" counts as "x".
bool etag_listed(std::string_view list, std::string_view etag, bool weak_too);

}  // namespace reachback::net
