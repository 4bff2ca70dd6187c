#include "server/ports/tokens.h"

namespace reachback::server {
namespace {

struct Row {
  std::string_view role;
  std::string_view scope;
  Permission permission;
};

constexpr Row kRows[] = {
    {"Machine.Read.All", "Machine.Read", Permission::machine_read},
    {"Machine.ReadWrite.All", "Machine.ReadWrite", Permission::machine_read_write},
    {"Machine.LiveResponse", "Machine.LiveResponse", Permission::machine_live_response},
    {"Library.Manage", "Library.Manage", Permission::library_manage},
    {"Machine.CollectForensics", "Machine.CollectForensics", Permission::collect_forensics},
    {"Machine.Isolate", "Machine.Isolate", Permission::isolate},
    {"Machine.RestrictExecution", "Machine.RestrictExecution", Permission::restrict_execution},
    {"Machine.Scan", "Machine.Scan", Permission::scan},
    {"Machine.Offboard", "Machine.Offboard", Permission::offboard},
    {"Machine.StopAndQuarantine", "Machine.StopAndQuarantine", Permission::stop_and_quarantine},
    {"Alert.Read.All", "Alert.Read", Permission::alert_read},
    {"Alert.ReadWrite.All", "Alert.ReadWrite", Permission::alert_read},
};

}  // namespace

Permissions permission_of_role(std::string_view role) {
  for (const Row& row : kRows) {
    if (row.role == role) {
      return bit(row.permission);
    }
  }
  return 0;
}

Permissions permission_of_scope(std::string_view scope) {
  for (const Row& row : kRows) {
    if (row.scope == scope) {
      return bit(row.permission);
    }
  }
  return 0;
}

std::vector<std::string> all_roles() {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    out.emplace_back(row.role);
  }
  return out;
}

}  // namespace reachback::server
