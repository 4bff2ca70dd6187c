// `reachback-server app …`: the command line of administer_apps().
#pragma once

#include <string>
#include <vector>

#include "server/wire/admin_run.h"

namespace CLI {
class App;
}

namespace reachback::server {

// What the words of the command line are read into; outlives the parse.
struct AppOptions : AdminTarget {
  std::string name, client_id, file, thumbprint;
  std::vector<std::string> roles, scopes, redirect_uris;
  std::int64_t rate_factor = 1;
  bool no_limits = false, no_secret = false;
};

// run and status outlive the parse, too.
void add_app_commands(CLI::App& cli, AppOptions& options, const AdminRun& run, int& status);

}  // namespace reachback::server
