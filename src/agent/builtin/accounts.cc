#include "agent/builtin/accounts.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kAccountsBytesMax = 16 << 20;

// What `read` takes each line for.
template <typename T>
std::vector<T> read_table(const System& system, const std::string& path, Output& output,
                          std::optional<T> (*read)(std::string_view)) {
  std::vector<T> table;
  const auto text = system.text(path, output, kAccountsBytesMax);
  for_each_line(text.value_or(""), [&](std::size_t number, std::string_view line) {
    if (trimmed(line).empty() || line.starts_with('#')) {
      return;
    }
    if (auto entry = read(line)) {
      table.push_back(std::move(*entry));
    } else {
      output.note("ReadFailed: " + path + ":" + std::to_string(number) + ": cannot be understood");
    }
  });
  return table;
}

}  // namespace

std::vector<Account> read_accounts(const System& system, Output& output) {
  return read_table(system, "/etc/passwd", output, account_of);
}

std::vector<Group> read_groups(const System& system, Output& output) {
  return read_table(system, "/etc/group", output, group_of);
}

void Names::read() {
  is_read_ = true;
  for (const Account& account : read_accounts(system_, output_)) {
    users_.emplace(account.uid, account.name);
  }
  for (const Group& group : read_groups(system_, output_)) {
    groups_.emplace(group.gid, group.name);
  }
}

std::string Names::user(std::uint32_t uid) {
  if (!is_read_) {
    read();
  }
  const auto found = users_.find(uid);
  return found != users_.end() ? found->second : std::to_string(uid);
}

std::string Names::group(std::uint32_t gid) {
  if (!is_read_) {
    read();
  }
  const auto found = groups_.find(gid);
  return found != groups_.end() ? found->second : std::to_string(gid);
}

}  // namespace reachback::agent::builtin
