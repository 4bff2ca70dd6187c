// What `init` does: the data folder, the database, the first tenant, one administrator application,
// the console's application, one enrolment token.
#pragma once

#include <string>

#include "base/result.h"

namespace reachback::server {

struct InitResult {
  std::string tenant_id, client_id, client_secret, enrollment_token, ca_file, public_url;
};

// Leaves nothing that looks finished when it fails. Errors: as make_data_folder().
Result<InitResult> init_data_folder(const std::string& dir, const std::string& public_url);

// Text from outside for a terminal: control characters shown as \xNN.
std::string escape_for_terminal(std::string_view text);

}  // namespace reachback::server
