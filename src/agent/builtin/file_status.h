// What the kernel tells about a file, in the words of the rows.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace reachback::agent::builtin {

using Status = struct statx;

// Of a name in a folder, itself and not what it leads to; "": of the descriptor's own file. Starts
// no automatic mount. nullopt: errno says why.
std::optional<Status> status_of(int folder, const char* name);

// file, folder, link, pipe, socket, device.
std::string_view type_of(const Status& status);
// "-rwsr-xr-x", as ls has it.
std::string permissions_of(const Status& status);
// nullopt: the file system told none, or one that no calendar has.
std::optional<Timestamp> time_of(const statx_timestamp& time);
inline std::optional<Timestamp> modified_of(const Status& status) {
  return time_of(status.stx_mtime);
}
// Where a link leads, as it stands in it; "" as in status_of(). nullopt: it is none.
std::optional<std::string> target_of(int folder, const char* name);

}  // namespace reachback::agent::builtin
