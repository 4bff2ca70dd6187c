// A file of udev's rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reachback::agent::builtin {

// The keys of its rules that run something, in their order, each as it stands with its value: RUN
// (a program, or what udev has built in), PROGRAM, IMPORT{program}. Source: udev(7).
std::vector<std::string> programs_of_udev_rules(std::string_view text);

}  // namespace reachback::agent::builtin
