// `reachback-server token-key …`: the command line of administer_token_keys().
#pragma once

#include <string>

#include "server/wire/admin_run.h"

namespace CLI {
class App;
}

namespace reachback::server {

// What the words of the command line are read into; outlives the parse.
struct TokenKeyOptions : AdminTarget {
  std::string id, algorithm = "ES256";
  bool force = false;
};

// run and status outlive the parse, too.
void add_token_key_commands(CLI::App& cli, TokenKeyOptions& options, const AdminRun& run,
                            int& status);

}  // namespace reachback::server
