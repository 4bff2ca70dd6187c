// state_folder/running.json: what the running agent found at its start, for `status`.
#pragma once

#include <string>

#include "base/result.h"

namespace reachback::agent {

struct RunningFacts {
  std::string policy;   // the file, or "none: everything is allowed"
  std::string network;  // the network process's protection
  std::string limits;   // how scripts are limited
};

void save_running(const std::string& state_folder, const RunningFacts& facts);
RunningFacts load_running(const std::string& state_folder);  // empty where there is none

}  // namespace reachback::agent
