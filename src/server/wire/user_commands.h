// `reachback-server user …` and `reachback-server group …`: the command line of administer_users().
#pragma once

#include <string>
#include <vector>

#include "server/wire/admin_run.h"

namespace CLI {
class App;
}

namespace reachback::server {

// What the words of the command line are read into; outlives the parse.
struct UserOptions : AdminTarget {
  std::string name, tag;
  std::vector<std::string> roles, groups;
  bool all_machines = false, disable = false, enable = false;
  bool password_stdin = false, no_one_time_codes = false, off = false;
};

// run and status outlive the parse, too.
void add_user_commands(CLI::App& cli, UserOptions& options, const AdminRun& run, int& status);

}  // namespace reachback::server
