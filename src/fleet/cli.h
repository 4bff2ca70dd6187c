// The command line of reachback-fleet.
#pragma once

namespace reachback::fleet {

// The exit status: 0 a clean end; 1 an error, said in one line; 3 the server believed a lie.
int run_cli(int argc, char** argv);

}  // namespace reachback::fleet
