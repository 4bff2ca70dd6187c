// Where the server is and who asks.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace reachback::cli {

struct Config {
  std::string url;  // without a slash at the end
  std::string tenant;
  std::string client_id;
  Secret client_secret;
  std::string ca;                     // path; empty only for http
  std::vector<std::string> warnings;  // for the user
};

// The value of an environment variable, nullopt when unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

// REACHBACK_* win over $HOME/.config/reachback/config.toml, key by key. Without a `ca` the system's
// bundle is used. Warns when the file holds a secret that others can read.
// Errors: invalid_input (a key that is missing, unknown or not a string, with its line; a URL that
// is not https://host[:port], or http:// on loopback), io.
Result<Config> load_config(const Environment& environment);

}  // namespace reachback::cli
