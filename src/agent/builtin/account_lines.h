// The lines of passwd and group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reachback::agent::builtin {

struct Account {
  std::string name, password, comment, home, shell;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
struct Group {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};

// nullopt: a field is missing, or an id is none. Fields behind the last are passed over.
std::optional<Account> account_of(std::string_view line);
std::optional<Group> group_of(std::string_view line);

}  // namespace reachback::agent::builtin
