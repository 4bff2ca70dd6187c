// The agent's command line: enroll, run, status, sign; and `network`, which run starts by itself.
#pragma once

namespace reachback::agent {

// The process's exit status. Results go to standard output, errors to standard error, one line.
int run_cli(int argc, char** argv);

}  // namespace reachback::agent
