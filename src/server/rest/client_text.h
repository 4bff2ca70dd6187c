// What a request of the token addresses shows of its client.
#pragma once

#include <string>

#include "base/secret.h"

namespace reachback::server::rest {

struct ClientText {
  std::string client_id;
  Secret client_secret;     // one of these two, or none for a public client
  Secret client_assertion;  // a JWT, by its type
};

}  // namespace reachback::server::rest
