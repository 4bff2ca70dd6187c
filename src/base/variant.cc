#include "base/variant.h"

#ifdef REACHBACK_TEST_HOOKS
#include <string>

namespace reachback {
namespace {
std::string chosen;
}

void set_variant(std::string_view name) {
  chosen = name;
}

bool is_variant(std::string_view name) {
  return !chosen.empty() && chosen == name;
}

}  // namespace reachback
#endif
