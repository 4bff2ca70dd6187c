// Makes a fleet's machines known to the server, many at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "fleet/fleet_state.h"
#include "net/tls.h"

namespace reachback::fleet {

struct EnrollOptions {
  std::size_t agents = 0;
  std::size_t at_once = 32;  // connections, each with one request under way
  std::size_t sources = 0;   // see addresses.h; 0: the system chooses
  std::string ca_file;       // for messages
  std::function<std::string(std::size_t index)> host_name;
};

// Enrols those of the first `agents` that are not; how many that were. Each is kept in `state` as
// soon as the server has answered, so that a run that is cut goes on where it was. A server that is
// too busy is asked again for a while. Blocks. Errors: unauthenticated (the token: unknown,
// expired, fewer uses than agents), unavailable (in words for a person), conflict, protocol, io.
Result<std::size_t> enroll_missing(FleetState& state,
                                   const std::shared_ptr<net::TlsClientContext>& tls,
                                   const EnrollOptions& options, Random& random);

}  // namespace reachback::fleet
