// `reachback-server token-key …`: the command line of administer_token_keys().
#pragma once

#include <functional>
#include <string>

#include "json/json.h"

namespace CLI {
class App;
}

namespace reachback::server {

// What the words of the command line are read into; outlives the parse.
struct TokenKeyOptions {
  std::string data, id, algorithm = "ES256";
  bool json = false, force = false;
};

// Asks for it in the data folder, prints the answer as one JSON object or as `show` has it, or why
// not. Gives the exit status.
using TokenKeyRun = std::function<int(const TokenKeyOptions&, json::Object request,
                                      const std::function<std::string(const json::Object&)>& show)>;

// run and status outlive the parse, too.
void add_token_key_commands(CLI::App& cli, TokenKeyOptions& options, const TokenKeyRun& run,
                            int& status);

}  // namespace reachback::server
