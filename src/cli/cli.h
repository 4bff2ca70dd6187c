// The program `reachback` without its main().
#pragma once

namespace reachback::cli {

// Returns the exit status: 0, or for `run` the script's own; 125 for errors of ours, 126 for an
// action that ended without an exit code, 127 for a server that cannot be reached, 130 after
// Ctrl-C. Every error is one line on standard error.
int run_cli(int argc, char** argv);

}  // namespace reachback::cli
