#include "net/etag.h"

#include <algorithm>

#include "base/text.h"

namespace reachback::net {

bool etag_listed(std::string_view list, std::string_view etag, bool weak_too) {
  if (trim_blanks(list) == "*") {
    return true;
  }
  while (!list.empty()) {
    auto comma = std::min(list.find(','), list.size());  // Our etags are hex: no comma inside.
    std::string_view one = trim_blanks(list.substr(0, comma));
    if (weak_too && one.starts_with("W/")) {
      one.remove_prefix(2);
    }
    if (one == etag) {
      return true;
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace reachback::net
