#include "agent/builtin/accounts.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kAccountsBytesMax = 16 << 20;
constexpr std::size_t kPasswdFields = 7;
constexpr std::size_t kGroupFields = 4;

std::optional<std::uint32_t> id_of(std::string_view text) {
  const auto number = number_of(text);
  return number && *number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*number))
                                         : std::nullopt;
}

// line: gets the fields of a line, as many as wanted, and says whether they make sense.
void read_table(const System& system, const std::string& path, std::size_t fields, Output& output,
                const std::function<bool(std::vector<std::string>&)>& line) {
  const auto text = system.text(path, output, kAccountsBytesMax);
  for_each_line(text.value_or(""), [&](std::size_t number, std::string_view content) {
    if (trimmed(content).empty() || content.starts_with('#')) {
      return;
    }
    auto parts = fields_of(content);
    if (parts.size() < fields || !line(parts)) {
      output.note("ReadFailed: " + path + ":" + std::to_string(number) + ": cannot be understood");
    }
  });
}

}  // namespace

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  while (true) {
    const auto end = line.find(':');
    fields.emplace_back(line.substr(0, end));
    if (end == std::string_view::npos) {
      return fields;
    }
    line.remove_prefix(end + 1);
  }
}

std::vector<Account> read_accounts(const System& system, Output& output) {
  std::vector<Account> accounts;
  read_table(system, "/etc/passwd", kPasswdFields, output, [&](std::vector<std::string>& parts) {
    const auto uid = id_of(parts[2]);
    const auto gid = id_of(parts[3]);
    if (!uid || !gid) {
      return false;
    }
    accounts.push_back({std::move(parts[0]), std::move(parts[1]), std::move(parts[4]),
                        std::move(parts[5]), std::move(parts[6]), *uid, *gid});
    return true;
  });
  return accounts;
}

std::vector<Group> read_groups(const System& system, Output& output) {
  std::vector<Group> groups;
  read_table(system, "/etc/group", kGroupFields, output, [&](std::vector<std::string>& parts) {
    const auto gid = id_of(parts[2]);
    if (!gid) {
      return false;
    }
    Group group{std::move(parts[0]), *gid, {}};
    for (std::string_view rest = parts[3]; !rest.empty();) {
      const auto member = rest.substr(0, rest.find(','));
      group.members.emplace_back(trimmed(member));
      rest.remove_prefix(std::min(member.size() + 1, rest.size()));
    }
    groups.push_back(std::move(group));
    return true;
  });
  return groups;
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
