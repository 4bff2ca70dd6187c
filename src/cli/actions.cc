#include "base/bytes.h"
#include "cli/action.h"
#include "cli/commands.h"
#include "cli/fields.h"
#include "cli/table.h"

namespace reachback::cli {

Result<int> actions(Api& api, const Terminal& terminal, const ActionsOptions& options) {
  std::string target = "/api/machineactions";
  if (options.top) {
    target += "?$top=" + std::to_string(*options.top);
  }
  if (!options.filter.empty()) {
    target += (options.top ? "&" : "?") + ("$filter=" + percent_encode(options.filter));
  }
  RB_TRY_ASSIGN(std::vector<Fields> list, list_all(api, target));
  if (options.top && list.size() > static_cast<std::size_t>(*options.top)) {
    list.erase(list.begin() + *options.top, list.end());
  }
  if (options.json) {
    RB_TRY(write_out(json_array(list)));
    return 0;
  }
  Table table({"ID", "STATUS", "MACHINE", "CREATED", "REQUESTOR", "COMMANDS"});
  table.colour_by_status(1);
  for (const Fields& action : list) {
    std::string commands;
    for (const Fields& command : action.objects("commands")) {
      commands += (commands.empty() ? "" : "; ") + describe_command(command);
    }
    table.add({action.text("id"), action.text("status"), action.text("computerDnsName"),
               action.text("creationDateTimeUtc"), action.text("requestor"), commands});
  }
  RB_TRY(write_out(table.render(terminal)));
  return 0;
}

}  // namespace reachback::cli
