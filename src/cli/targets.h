// The machines that a command line means.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api.h"
#include "cli/arguments.h"

namespace reachback::cli {

struct Target {
  std::string id;
  std::string name;    // as it was asked for or the server tells
  std::string folder;  // a name for its results: unlike every other, and harmless in a path
};

// Each machine once, in the order of the command line: names and ids, the file's, then tags and
// filter. Errors: not_found (a name that no machine has; nothing fits), conflict (a name of
// several), too_large (over 10,000), as Api.
Result<std::vector<Target>> find_targets(Api& api, const TargetOptions& options);

// The target of a list of machines, with $filter. Empty strings and lists ask nothing.
std::string machines_target(const std::vector<std::string>& tags, const std::string& filter);

// Sets Target::folder. Machines choose their names: only plain ones become a folder's, else the id.
void name_folders(std::vector<Target>& targets);

// The names in a file: a line each, what follows # is left out.
std::vector<std::string> read_names(const std::string& text);

}  // namespace reachback::cli
