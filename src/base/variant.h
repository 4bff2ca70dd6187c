// Shortcuts that are wrong on purpose, so that a test can show that it would notice them. Compiled
// out unless REACHBACK_TEST_HOOKS. What each one leaves out: docs/reliability.md.
//
// One at a time; set it before anything that it changes is made. Not thread-safe. The programs take
// theirs from the environment, REACHBACK_VARIANT.
#pragma once

#include <string_view>

namespace reachback {
#ifdef REACHBACK_TEST_HOOKS
void set_variant(std::string_view name);  // empty: none
bool is_variant(std::string_view name);
#define RB_VARIANT(name) (::reachback::is_variant(name))
#else
#define RB_VARIANT(name) false
#endif
}  // namespace reachback
