#include "server/ports/tokens.h"

namespace reachback::server {
namespace {

struct Row {
  std::string_view role;
  std::string_view scope;
  Permissions permissions;
};

constexpr Row kRows[] = {
    {"Machine.Read.All", "Machine.Read", bit(Permission::machine_read)},
    {"Machine.ReadWrite.All", "Machine.ReadWrite", bit(Permission::machine_read_write)},
    {"Machine.LiveResponse", "Machine.LiveResponse",
     bit(Permission::machine_live_response) | bit(Permission::live_response_advanced)},
    {"Library.Manage", "Library.Manage", bit(Permission::library_manage)},
    {"Machine.CollectForensics", "Machine.CollectForensics", bit(Permission::collect_forensics)},
    {"Machine.Isolate", "Machine.Isolate", bit(Permission::isolate)},
    {"Machine.RestrictExecution", "Machine.RestrictExecution", bit(Permission::restrict_execution)},
    {"Machine.Scan", "Machine.Scan", bit(Permission::scan)},
    {"Machine.Offboard", "Machine.Offboard", bit(Permission::offboard)},
    {"Machine.StopAndQuarantine", "Machine.StopAndQuarantine",
     bit(Permission::stop_and_quarantine)},
    {"Alert.Read.All", "Alert.Read", bit(Permission::alert_read)},
    {"Alert.ReadWrite.All", "Alert.ReadWrite", bit(Permission::alert_read)},
    {"Audit.Read", "Audit.Read", bit(Permission::audit_read)},
    {"Reachback.Manage", "Reachback.Manage", bit(Permission::reachback_manage)},
};

}  // namespace

Permissions permission_of_role(std::string_view role) {
  for (const Row& row : kRows) {
    if (row.role == role) {
      return row.permissions;
    }
  }
  return 0;
}

Permissions permission_of_scope(std::string_view scope) {
  for (const Row& row : kRows) {
    if (row.scope == scope) {
      return row.permissions;
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

std::vector<std::string> all_scopes() {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    out.emplace_back(row.scope);
  }
  return out;
}

}  // namespace reachback::server
