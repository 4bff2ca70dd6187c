// Paths and the route table. What a path names does not change with its letter case, with another
// spelling of its percent-encoding or with v1.0; parameters hold nothing that could name elsewhere.
#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "server/rest/query.h"
#include "server/rest/routes.h"

namespace reachback::fuzz {
namespace {

using namespace server::rest;

bool same(const Match& a, const Match& b) {
  return a.routes == b.routes &&
         std::equal(
             a.params.begin(), a.params.end(), b.params.begin(), b.params.end(),
             [](const std::string& x, const std::string& y) { return equals_ignore_case(x, y); });
}

void check_segments(const std::vector<std::string>& segments) {
  std::string again;
  for (const std::string& segment : segments) {
    FUZZ_CHECK(!segment.empty() && segment != "." && segment != "..");
    FUZZ_CHECK(is_valid_utf8(segment));
    FUZZ_CHECK(segment.find_first_of("/\\;") == std::string::npos);
    FUZZ_CHECK(std::none_of(segment.begin(), segment.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    }));
    again += "/" + percent_encode(segment);
  }
  auto second = split_path(again.empty() ? "/" : again);
  FUZZ_CHECK(segments.empty() || (second && *second == segments));
}

}  // namespace

void run(std::string_view path) {
  static const Router router = [] {
    auto permissions = PermissionTable::load(Profile::y2026, /*strict=*/false);
    FUZZ_CHECK(permissions.ok() && broken_route(route_table(), *permissions).empty());
    return Router(route_table());
  }();
  auto segments = split_path(path);
  if (segments) {
    check_segments(*segments);
  }
  Match match = router.match(path);
  FUZZ_CHECK(segments || match.routes.empty());
  FUZZ_CHECK(same(match, router.match(to_lower(path))));
  if (match.routes.empty()) {
    return;
  }
  std::string encoded;
  for (const std::string& segment : *segments) {
    encoded += "/" + percent_encode(segment);
  }
  FUZZ_CHECK(same(match, router.match(encoded)));
  std::string_view pattern = match.routes.front()->path;
  std::set<std::string_view> methods;
  for (const Route* route : match.routes) {
    FUZZ_CHECK(route->path == pattern && methods.insert(route->method).second);
  }
  FUZZ_CHECK(match.params.size() ==
             static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '{')));
  if (pattern.starts_with("/api/")) {
    std::string rest = encoded.substr(4);
    std::string plain = equals_ignore_case(rest.substr(0, 6), "/v1.0/") ? rest.substr(5) : rest;
    FUZZ_CHECK(same(match, router.match("/api" + plain)));
    FUZZ_CHECK(same(match, router.match("/API/V1.0" + plain)));
  }
  if (pattern.ends_with("({index})")) {
    if (auto index = parse_index_argument(match.params.back())) {
      FUZZ_CHECK(*index <= 99999);
      FUZZ_CHECK(to_lower(match.params.back()) == "index=" + std::to_string(*index));
    }
  }
}

}  // namespace reachback::fuzz
