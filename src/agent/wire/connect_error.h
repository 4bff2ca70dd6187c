// Why the server cannot be reached, in words that say what to do about it.
#pragma once

#include <string>

#include "base/result.h"

namespace reachback::agent {

// error: of the connection. server: as given by the operator; ca_file: whose CA was trusted.
Error explain_connect_error(const Error& error, const std::string& server,
                            const std::string& ca_file);

}  // namespace reachback::agent
