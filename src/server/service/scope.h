// What exists for a caller.
#pragma once

#include "server/ports/listing.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// For whatever is found by anything but its id.
inline MachineScope scope_of(const Principal& by) {
  return MachineScope{by.tenant, by.machine_tags};
}
// Of an object of the caller's tenant that was found by its id: whether its machine, with these
// tags, is one that exists for the caller. If not, the answer is that of an unknown id.
inline bool is_in_scope(const Principal& by, const std::vector<std::string>& tags_of_machine) {
  return scope_of(by).has(tags_of_machine);
}

}  // namespace reachback::server
