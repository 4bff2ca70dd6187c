// Calls of any route of the table, for tests that walk all of them.
#pragma once

#include <string>
#include <string_view>

#include "server/rest/call.h"
#include "server/rest/routes.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest::test {

inline std::string name_of(const Route& route) {
  return std::string(route.method) + " " + std::string(route.path);
}

// An address of the route that names real things.
inline std::string address_of(const Route& route) {
  std::string path(route.path);
  auto put = [&path](std::string_view from, std::string_view to) {
    if (auto at = path.find(from); at != std::string::npos) {
      path.replace(at, from.size(), to);
    }
  };
  put("{tenant}", kTenant.text());
  put("{index}", "index=0");
  put("{name}", "present.sh");
  put("{arguments}", "ip='10.0.0.7',timestamp=2021-02-04T15:00:00Z");
  put("{id}", path.find("/machines/") != std::string::npos ? kMachine : kPending);
  return path;
}

// token: none where it is empty.
inline int status_with(World& world, const Route& route, const std::string& token) {
  HeaderList headers;
  if (!token.empty()) {
    headers.emplace_back("Authorization", "Bearer " + token);
  }
  return world
      .send(std::string(route.method), address_of(route), headers,
            route.body_max != nullptr ? "{}" : "")
      .status;
}

}  // namespace reachback::server::rest::test
