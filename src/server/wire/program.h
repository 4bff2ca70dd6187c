// The command line of reachback-server: init, serve, app, enrollment-token, verify-audit.
#pragma once

namespace reachback::server {

// Exit status: 0 done, 1 a one-line error on standard error, others are CLI11's for a wrong command
// line.
int run_server_program(int argc, char** argv);

}  // namespace reachback::server
