// REACHBACK_REQUEST_LOG=FILE (test builds): every request that reaches a handler of the API's
// listener, a line each, so that a test can count what this side took for a request.
#pragma once

#include "net/message.h"

namespace reachback::server {

#ifdef REACHBACK_TEST_HOOKS
void log_request(const net::Request& request);
#else
inline void log_request(const net::Request& /*request*/) {}
#endif

}  // namespace reachback::server
