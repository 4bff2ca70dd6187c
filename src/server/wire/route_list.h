// Every address that the server answers, on both listeners, in one list.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/ports/route_row.h"
#include "server/rest/limits.h"

namespace reachback::server {

Result<std::vector<RouteRow>> all_routes(rest::Profile profile);
// Empty, or why the server must not start: a row without method, path, credential or rate, a
// credential "none" outside discovery, or an address that is there twice. Source: trust.md T01.
std::string broken_row(const std::vector<RouteRow>& rows);
// One line a row, as in tests/golden/routes.txt.
std::string route_text(const RouteRow& row);

}  // namespace reachback::server
