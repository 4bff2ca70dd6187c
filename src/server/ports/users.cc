#include "server/ports/users.h"

namespace reachback::server {
namespace {

using enum Permission;

constexpr Permissions kView = bit(machine_read) | bit(alert_read);
constexpr Permissions kBasic = kView | bit(machine_live_response);

struct Row {
  std::string_view name;
  UserRole role;
  Permissions permissions;
};

constexpr Row kRows[] = {
    {"viewer", UserRole::viewer, kView},
    {"live-response-basic", UserRole::live_response_basic, kBasic},
    {"live-response-advanced", UserRole::live_response_advanced,
     kBasic | bit(live_response_advanced)},
    {"library", UserRole::library, bit(library_manage)},
    {"approver", UserRole::approver, kView},
    {"admin", UserRole::admin, ~Permissions{0}},
};

}  // namespace

std::vector<std::string> user_role_names() {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    out.emplace_back(row.name);
  }
  return out;
}

UserRoles user_role_of(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) {
      return bit(row.role);
    }
  }
  return 0;
}

std::vector<std::string> names_of(UserRoles roles) {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    if ((roles & bit(row.role)) != 0) {
      out.emplace_back(row.name);
    }
  }
  return out;
}

Permissions permissions_of(UserRoles roles) {
  Permissions out = 0;
  for (const Row& row : kRows) {
    if ((roles & bit(row.role)) != 0) {
      out |= row.permissions;
    }
  }
  return out;
}

}  // namespace reachback::server
