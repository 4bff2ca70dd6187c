// `reachback-server app …`: the command line of administer_apps().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "json/json.h"

namespace CLI {
class App;
}

namespace reachback::server {

// What the words of the command line are read into; outlives the parse.
struct AppOptions {
  std::string data, name, client_id, file, thumbprint;
  std::vector<std::string> roles;
  std::int64_t rate_factor = 1;
  bool json = false, no_limits = false, no_secret = false;
};

// How a command is done: asks for it in the data folder, prints the answer as one JSON object or as
// `show` has it, or why not. Gives the exit status.
struct AppRun {
  std::function<int(const AppOptions&, json::Object request,
                    const std::function<std::string(const json::Object&)>& show)>
      ask;
  std::function<int(const Error&)> fail;
};

// run and status outlive the parse, too.
void add_app_commands(CLI::App& cli, AppOptions& options, const AppRun& run, int& status);

}  // namespace reachback::server
