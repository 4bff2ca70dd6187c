#include "cli/machines.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "cli/commands.h"
#include "cli/fields.h"
#include "cli/table.h"
#include "cli/targets.h"

namespace reachback::cli {

Result<int> machines(Api& api, const Terminal& terminal, const MachinesOptions& options) {
  RB_TRY_ASSIGN(std::vector<Fields> list,
                list_all(api, machines_target(options.tags, options.filter)));
  if (options.json) {
    RB_TRY(write_out(json_array(list)));
    return 0;
  }
  Table table({"ID", "NAME", "SYSTEM", "HEALTH", "LAST SEEN", "ADDRESS"});
  table.colour_by_status(3);
  for (const Fields& machine : list) {
    table.add({machine.text("id"), machine.text("computerDnsName"), machine.text("osPlatform"),
               machine.text("healthStatus"), machine.text("lastSeen"),
               machine.text("lastIpAddress")});
  }
  RB_TRY(write_out(table.render(terminal)));
  return 0;
}

Result<std::string> find_machine(Api& api, const std::string& id_or_name) {
  if (auto id = MachineId::parse(to_lower(id_or_name))) {
    return id->text();
  }
  RB_TRY_ASSIGN(std::vector<Fields> list, list_all(api, "/api/machines"));
  return choose_machine(list, id_or_name);
}

Result<std::string> choose_machine(const std::vector<Fields>& list, const std::string& name) {
  std::vector<std::string> ids;
  for (const Fields& machine : list) {
    if (equals_ignore_case(machine.text("computerDnsName"), name)) {
      ids.push_back(machine.text("id"));
    }
  }
  if (ids.empty()) {
    return Error{Errc::not_found, "no machine is called '" + name + "': see reachback machines"};
  }
  if (ids.size() > 1) {
    std::string all;
    for (std::size_t i = 0; i < ids.size() && i < 10; ++i) {
      all += (i == 0 ? "" : ", ") + ids[i];
    }
    return Error{Errc::conflict, std::to_string(ids.size()) + " machines are called '" + name +
                                     "': give one of the ids " + all +
                                     (ids.size() > 10 ? ", …" : "")};
  }
  // It becomes part of a path.
  if (auto id = MachineId::parse(ids[0])) {
    return id->text();
  }
  return Error{Errc::protocol, "the server gave '" + ids[0] + "' as a machine id: tell its owner"};
}

}  // namespace reachback::cli
