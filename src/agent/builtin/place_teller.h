// The rows of persistence: one place each, and what stands there.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "agent/builtin/accounts.h"
#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

class PlaceTeller {
 public:
  PlaceTeller(const System& system, Output& output)
      : system_(system), names_(system, output), output_(output) {}

  // Nothing is there: no row. Of a link, what it leads to is dated; one that leads nowhere itself.
  void tell(std::string_view kind, const std::string& path, const std::string& detail = {});
  // Calls with the path of everything in these folders that is no folder. One that is another of
  // them (/lib, /usr/lib) is passed over.
  void each_file(const std::vector<std::string>& folders,
                 const std::function<void(const std::string&)>& file);

 private:
  const System& system_;
  Names names_;
  Output& output_;
};

}  // namespace reachback::agent::builtin
