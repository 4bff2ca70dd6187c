// The accounts that the machine's own files name (/etc/passwd, /etc/group): what a directory
// service adds is not asked for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/builtin/account_lines.h"
#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

// In the files' order. A line that is no account is noted and left out.
std::vector<Account> read_accounts(const System& system, Output& output);
std::vector<Group> read_groups(const System& system, Output& output);

// Ids as names; an id without one is its number, as ls shows it. Read at the first question.
class Names {
 public:
  Names(const System& system, Output& output) : system_(system), output_(output) {}
  std::string user(std::uint32_t uid);
  std::string group(std::uint32_t gid);

 private:
  void read();
  const System& system_;
  Output& output_;
  bool is_read_ = false;
  std::map<std::uint32_t, std::string> users_;
  std::map<std::uint32_t, std::string> groups_;
};

}  // namespace reachback::agent::builtin
