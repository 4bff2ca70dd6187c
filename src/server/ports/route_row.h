// What every address of the two listeners tells about itself. Each surface (rest, link, blob_http)
// serves from a table of its own and hands out these rows; wire puts them together, refuses to
// start when one is incomplete, and tests/golden/routes.txt holds them all. Source: trust.md T01.
#pragma once

#include <cstdint>
#include <string>

namespace reachback::server {

struct RouteRow {
  enum class Listener { api, agents };
  Listener listener = Listener::api;
  std::string method;
  std::string path;        // "{x}": any one segment
  std::string plane;       // "api", "about", "sign_in", "console", "blob", "agent"
  std::string credential;  // what opens it; "none" only for discovery documents, keys, the API's
                           // description, the console's files
  std::uint64_t body_bytes_max = 0;  // 0: a body is not read
  std::string rate;                  // the limit that calls count against; "size" for links
};

}  // namespace reachback::server
