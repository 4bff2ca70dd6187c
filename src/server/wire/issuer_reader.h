// One [[issuers]] table of the settings file.
#pragma once

#include <string>

#include "server/wire/config.h"
#include "server/wire/table_reader.h"

namespace reachback::server {

// Errors: invalid_input ("FILE:LINE: what"): an unknown key, a permission or role that does not
// exist, a map of values that are not read.
Result<IssuerConfig> read_issuer(const toml::table& table, const std::string& file);

}  // namespace reachback::server
