#include "server/wire/route_list.h"

#include <set>
#include <tuple>

#include "server/blob_http/blob_http.h"
#include "server/console/console_http.h"
#include "server/link/agent_api.h"
#include "server/rest/routes.h"

namespace reachback::server {

Result<std::vector<RouteRow>> all_routes(rest::Profile profile) {
  RB_TRY_ASSIGN(std::vector<RouteRow> rows, rest::route_rows(profile));
  for (auto more :
       {ConsoleHttp::route_rows(), BlobHttp::route_rows(BlobLimits()), AgentApi::route_rows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

std::string broken_row(const std::vector<RouteRow>& rows) {
  std::set<std::tuple<RouteRow::Listener, std::string, std::string>> seen;
  for (const RouteRow& row : rows) {
    std::string name = row.method + " " + row.path;
    if (row.method.empty() || !row.path.starts_with('/') || row.plane.empty()) {
      return name + " is no address";
    }
    if (row.credential.empty() || row.rate.empty()) {
      return name + " says not what opens it, or what it counts against";
    }
    // Without a credential: documents that say how to sign in, or what the API is, and the files of
    // the console; nothing that takes a body.
    const bool tells = row.plane == "sign_in" || row.plane == "about" || row.plane == "console";
    const bool reads = row.method == "GET" || (row.method == "HEAD" && row.plane == "console");
    if (row.credential == "none" && (!tells || !reads || row.body_bytes_max != 0)) {
      return name + " is open to everybody";
    }
    if (!seen.insert({row.listener, row.method, row.path}).second) {
      return name + " is there twice";
    }
  }
  return "";
}

std::string route_text(const RouteRow& row) {
  return std::string(row.listener == RouteRow::Listener::api ? "api" : "agents") + "\t" +
         row.method + "\t" + row.path + "\t" + row.plane + "\t" + row.credential + "\t" +
         std::to_string(row.body_bytes_max) + "\t" + row.rate;
}

}  // namespace reachback::server
