// Which machine is meant.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api.h"
#include "cli/fields.h"

namespace reachback::cli {

// An id of 40 hex digits, or the exact computerDnsName (without regard to case, as DNS has it).
// Errors: not_found, conflict (several of that name; the message gives their ids).
Result<std::string> find_machine(Api& api, const std::string& id_or_name);
Result<std::string> choose_machine(const std::vector<Fields>& list, const std::string& name);

}  // namespace reachback::cli
