// The rows of persistence: one place each, and what stands there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/builtin/accounts.h"
#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

class PlaceTeller {
 public:
  PlaceTeller(const System& system, Output& output)
      : system_(system), names_(system, output), output_(output) {}

  using Take = std::function<void(const std::string& path, const Found& found)>;

  // What stands at a path; of a link, what it leads to, and one that leads nowhere itself.
  // nullopt: nothing, or what cannot be looked at, which is noted.
  std::optional<Found> look(const std::string& path);
  // Calls with everything that stands in these folders. A folder that is another of them (/lib,
  // /usr/lib) is passed over. Returns how many names there were, in all at most names_max; the rest
  // is noted.
  std::size_t each_entry(const std::vector<std::string>& folders, const Take& take,
                         std::size_t names_max = kNamesMax);
  // The same, without what is a folder itself.
  std::size_t each_file(const std::vector<std::string>& folders, const Take& take,
                        std::size_t names_max = kNamesMax);

  // A row of what look() found at the path.
  void tell(std::string_view kind, const std::string& path, const Found& found,
            const std::string& detail = {});
  // Nothing is there: no row.
  void tell(std::string_view kind, const std::string& path);

 private:
  const System& system_;
  Names names_;
  Output& output_;
};

}  // namespace reachback::agent::builtin
