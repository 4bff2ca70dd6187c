// The one table of addresses. Nothing is served that has no row here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/ports/route_row.h"
#include "server/rest/limits.h"
#include "server/rest/permissions.h"

namespace reachback::server::rest {

class Core;
struct Call;
struct Bounds;
using CallPtr = std::shared_ptr<Call>;
// Runs after every check of the row has passed. Answers the call exactly once, now or later.
using Handler = void (*)(Core& core, const CallPtr& call);

enum class Plane {
  api,      // bearer token, MDE envelope
  sign_in,  // no token yet, OAuth bodies
  about     // no token: what the API says of itself, the same to everybody; MDE envelope
};
enum class Rate { none, calls, run_calls, package_uri_calls, typing_calls };

struct Route {
  std::string_view name;  // of the endpoint: key of its permissions and of its call rate
  std::string_view method;
  // Segments match without regard to case; {x} is any one segment; f({x}) is a function with its
  // arguments. Under /api also with v1.0 between. Of two paths that fit, the first in the table.
  std::string_view path;
  Plane plane = Plane::api;
  Rate rate = Rate::calls;
  std::uint64_t Bounds::* body_max = nullptr;  // null: a body is not read
  Handler handler = nullptr;
  bool audited = false;  // changes something or gives something out: its digest goes to the audit
};

std::span<const Route> route_table();
// The table with the limits of a profile, and what opens it for applications unless strict. Errors:
// corrupt (api/limits.json).
Result<std::vector<RouteRow>> route_rows(Profile profile);
// Empty, or why the table must not be served. Source: trust.md T01.
std::string broken_route(std::span<const Route> routes, const PermissionTable& permissions);

// A path cut at '/' with every segment decoded once. nullopt: bad percent-encoding, not UTF-8, a
// control character, an empty segment, "." or "..", or one that holds '/', '\\' or ';' after
// decoding: no route has such an address. Source: trust.md T02, §5.0 18.
std::optional<std::vector<std::string>> split_path(std::string_view path);

struct Match {
  std::vector<const Route*> routes;  // one address, its methods; empty: not found
  std::vector<std::string> params;   // what stood at each {x}
};

// The table, cut up for matching. Immutable; any thread.
class Router {
 public:
  explicit Router(std::span<const Route> routes);
  Match match(std::string_view path) const;

 private:
  struct Pattern {
    const Route* route;
    std::vector<std::string_view> segments;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace reachback::server::rest
