// The running server: adapters behind their ports, the two listeners, the timers.
#pragma once

#include <string>

#include "base/result.h"

namespace reachback::server {

struct ServeOptions {
  std::string data;
  std::string listen = "127.0.0.1:8443";
  std::string agent_listen = "127.0.0.1:8444";
  std::string config;  // empty: DATA/config.toml if it is there
};

// Prints "agents <url>" and "ready <publicUrl>" on standard output when it accepts connections;
// returns after SIGTERM or SIGINT has drained it. Errors: as load_data_folder(), load_config(),
// HttpServer::listen() (a port in use is named).
Result<void> serve_until_signal(const ServeOptions& options);

}  // namespace reachback::server
