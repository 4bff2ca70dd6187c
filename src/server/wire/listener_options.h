// What both listeners are set to: api/limits.json, and the settings over it.
#pragma once

#include "base/result.h"
#include "net/http_server.h"
#include "server/wire/config.h"

namespace reachback::server {

// Errors: corrupt (api/limits.json).
Result<net::HttpServerOptions> http_options(const Config& config);
// Sockets and files: as many as the administrator allows, not as few as a shell is given.
void raise_descriptor_limit();

}  // namespace reachback::server
