// Ends an action.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "cli/api.h"
#include "cli/fields.h"

namespace reachback::cli {

// The action after the server has heard of it: Cancelled, or soon.
Result<Fields> cancel_action(Api& api, const ActionId& id, const std::string& comment);

}  // namespace reachback::cli
