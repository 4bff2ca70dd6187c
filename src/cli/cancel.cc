#include "cli/cancel.h"

#include <fmt/format.h>

#include "cli/action.h"
#include "cli/commands.h"
#include "json/json.h"

namespace reachback::cli {

Result<Fields> cancel_action(Api& api, const ActionId& id, const std::string& comment) {
  auto body = api.post(action_path(id) + "/cancel", "{\"Comment\":" + json::quote(comment) + "}",
                       "application/json");
  return body.ok() ? Fields::parse(*body) : body.error().in("action " + id.text());
}

Result<int> cancel(Api& api, const Terminal& terminal, const CancelOptions& options) {
  RB_TRY_ASSIGN(Fields action, cancel_action(api, options.id, options.comment));
  if (options.json) {
    RB_TRY(write_out(action.json() + "\n"));
    return 0;
  }
  std::string status = action.text("status");
  RB_TRY(write_out(fmt::format(
      "action {}: {}{}\n", options.id.text(),
      terminal.paint(status_colour(status), escape_line(status)),
      is_final(status) ? "" : " (the machine has not confirmed yet; reachback show tells)")));
  return 0;
}

}  // namespace reachback::cli
