// What people set on machines: tags and device values.
#include <algorithm>

#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/machine_rows.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

std::string_view name_of(DeviceValue value) {
  return value == DeviceValue::low ? "low" : value == DeviceValue::high ? "high" : "normal";
}

std::vector<std::string> changed_tags(const Machine& m, const MachineChange& change) {
  std::vector<std::string> tags = change.tags.value_or(m.tags);
  for (const std::string& tag : change.add_tags) {
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) {
      tags.push_back(tag);
    }
  }
  std::erase_if(tags, [&change](const std::string& tag) {
    return std::find(change.remove_tags.begin(), change.remove_tags.end(), tag) !=
           change.remove_tags.end();
  });
  return tags;
}

// A tag that one has and the other has not.
bool differ_in(const std::string& tag, const std::vector<std::string>& a,
               const std::vector<std::string>& b) {
  return (std::find(a.begin(), a.end(), tag) == a.end()) !=
         (std::find(b.begin(), b.end(), tag) == b.end());
}

// For people: "tags: a, b; device value: high".
std::string told(const Machine& before, const Machine& after) {
  std::string out;
  if (before.tags != after.tags) {
    out = "tags:";
    for (const std::string& tag : after.tags) {
      out += (&tag == &after.tags.front() ? " " : ", ") + tag;
    }
  }
  if (before.device_value != after.device_value) {
    out += std::string(out.empty() ? "" : "; ") + "device value: ";
    out += name_of(after.device_value);
  }
  return out;
}

Result<Machine> change_one(Db& db, const MachineScope& scope, const MachineId& id,
                           const MachineChange& change, const AuditEntry& audit) {
  const TenantId& tenant = scope.tenant;
  Result<Machine> before = [&] {
    Query query(db, "SELECT " RB_MACHINE_COLUMNS " FROM machines WHERE tenant = ? AND id = ?");
    query.blob(tenant.bytes()).blob(id.bytes());
    return read_one_machine(query, id);
  }();
  RB_TRY(before);
  if (!scope.has(before->tags)) {
    return no_such_machine(id);
  }
  Machine after = *before;
  after.tags = changed_tags(*before, change);
  after.device_value = change.device_value.value_or(before->device_value);
  for (const std::string& tag : change.fixed_tags) {
    if (differ_in(tag, before->tags, after.tags)) {
      return tag_is_fixed(tag);
    }
  }
  if (after.tags.size() > std::max(change.tags_max, before->tags.size())) {
    return Error{Errc::invalid_input, "Machine " + id.text() + " would have more than " +
                                          std::to_string(change.tags_max) + " tags"};
  }
  if (after == *before) {
    return after;
  }
  if (after.tags != before->tags) {
    RB_TRY(set_machine_tags(db, tenant, id, after.tags));
  }
  RB_TRY(Query(db, "UPDATE machines SET device_value = ? WHERE tenant = ? AND id = ?")
             .number(static_cast<std::int64_t>(after.device_value))
             .blob(tenant.bytes())
             .blob(id.bytes())
             .run());
  AuditRow row;
  row.tenant = tenant.bytes();
  row.at = to_micros(audit.at);
  row.kind = audit.kind;
  row.principal = audit.principal;
  row.object = id.text();
  row.detail = told(*before, after);
  row.token_id = audit.token_id;
  row.peer_ip = audit.peer_ip;
  if (audit.request) {
    row.request = std::string(as_bytes(*audit.request));
  }
  RB_TRY(append_audit_row(db, row));
  return after;
}

}  // namespace

void SqliteMachines::change(MachineScope scope, std::vector<MachineId> ids, MachineChange change,
                            AuditEntry audit, Done<std::vector<Machine>> done) {
  writer_.submit<std::vector<Machine>>(
      Space::takes,
      [scope = std::move(scope), ids = std::move(ids), change = std::move(change),
       audit = std::move(audit)](Db& db) -> Result<std::vector<Machine>> {
        std::vector<Machine> out;
        out.reserve(ids.size());
        for (const MachineId& id : ids) {
          RB_TRY_ASSIGN(Machine m, change_one(db, scope, id, change, audit));
          out.push_back(std::move(m));
        }
        return out;
      },
      std::move(done));
}

}  // namespace reachback::server
