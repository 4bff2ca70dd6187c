#include "base/variant.h"

#ifdef REACHBACK_TEST_HOOKS
#include <cstdlib>
#include <string>

namespace reachback {
namespace {

std::string from_environment() {
  const char* name = std::getenv("REACHBACK_VARIANT");
  return name != nullptr ? name : "";
}

std::string& chosen() {
  static std::string name = from_environment();
  return name;
}

}  // namespace

void set_variant(std::string_view name) {
  chosen() = name;
}

bool is_variant(std::string_view name) {
  return !chosen().empty() && chosen() == name;
}

}  // namespace reachback
#endif
