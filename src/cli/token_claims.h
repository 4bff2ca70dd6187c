// What a token says of its bearer, for people. It came from the server over TLS and is not checked;
// nothing is decided by it.
#pragma once

#include <optional>
#include <string_view>

#include "cli/fields.h"

namespace reachback::cli {

// The claims of a JWT; nullopt when it is none.
std::optional<Fields> token_claims(std::string_view jwt);

}  // namespace reachback::cli
