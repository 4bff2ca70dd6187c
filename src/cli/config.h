// Where the server is and who asks.
#pragma once

#include <functional>
#include <map>
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
  Secret client_secret;               // empty: a user's login counts
  std::string login_file;             // what `reachback login` keeps; empty without $HOME
  std::string ca;                     // path; empty only for http
  std::vector<std::string> warnings;  // for the user
};

// The value of an environment variable, nullopt when unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

// How much must be known. to_sign_in: where the server is; tenant and client_id may be empty.
// a_login: whatever secret there is, a user's login is meant.
enum class Need : std::uint8_t { everything, to_sign_in, a_login };

// REACHBACK_* win over $HOME/.config/reachback/config.toml, key by key, and that over the newest
// login that fits. Without a `ca` the system's bundle is used. Warns when the file holds a secret
// that others can read. overrides: keys by their names in the file, from the command line.
// Errors: invalid_input (a key that is missing, unknown or not a string, with its line; a URL that
// is not https://host[:port], or http:// on loopback), io.
Result<Config> load_config(const Environment& environment, Need need = Need::everything,
                           const std::map<std::string, std::string>& overrides = {});

}  // namespace reachback::cli
