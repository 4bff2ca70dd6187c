// How the admin commands of the command line are done.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "json/json.h"

namespace reachback::server {

struct AdminTarget {
  std::string data;   // the data folder
  bool json = false;  // print one JSON object
};

// ask: asks for it in the data folder, prints the answer as one JSON object or as `show` has it, or
// why not. Both give the exit status.
struct AdminRun {
  std::function<int(const AdminTarget&, json::Object request,
                    const std::function<std::string(const json::Object&)>& show)>
      ask;
  std::function<int(const Error&)> fail;
};

}  // namespace reachback::server
