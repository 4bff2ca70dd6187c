// Which files the forensic package has.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/builtin/system.h"

namespace reachback::agent::collect {

struct Wanted {
  std::string path;
  // It stands in somebody's own folder: a link there may lead anywhere, and is not followed.
  bool in_home = false;
  builtin::KernelFiles kernel_files = builtin::KernelFiles::refused;
};

// Each once; those that are not there are the ordinary case. Not among them: passwords and their
// hashes, private keys, what people keep.
void each_wanted(const builtin::System& system, builtin::Output& output,
                 const std::function<void(const Wanted&)>& file);

}  // namespace reachback::agent::collect
