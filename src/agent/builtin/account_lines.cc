#include "agent/builtin/account_lines.h"

#include <algorithm>

#include "agent/builtin/text.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kPasswdFields = 7;
constexpr std::size_t kGroupFields = 4;

std::optional<std::uint32_t> id_of(std::string_view text) {
  const auto number = number_of(text);
  return number && *number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*number))
                                         : std::nullopt;
}

}  // namespace

std::optional<Account> account_of(std::string_view line) {
  auto parts = fields_of(line);
  if (parts.size() < kPasswdFields) {
    return std::nullopt;
  }
  const auto uid = id_of(parts[2]);
  const auto gid = id_of(parts[3]);
  if (!uid || !gid) {
    return std::nullopt;
  }
  return Account{std::move(parts[0]),
                 std::move(parts[1]),
                 std::move(parts[4]),
                 std::move(parts[5]),
                 std::move(parts[6]),
                 *uid,
                 *gid};
}

std::optional<Group> group_of(std::string_view line) {
  auto parts = fields_of(line);
  const auto gid = parts.size() < kGroupFields ? std::nullopt : id_of(parts[2]);
  if (!gid) {
    return std::nullopt;
  }
  Group group{std::move(parts[0]), *gid, {}};
  for (std::string_view rest = parts[3]; !rest.empty();) {
    const auto member = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(member.size() + 1, rest.size()));
    if (const auto name = trimmed(member); !name.empty()) {
      group.members.emplace_back(name);
    }
  }
  return group;
}

}  // namespace reachback::agent::builtin
