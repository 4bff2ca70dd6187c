#include "cli/action.h"
#include "cli/commands.h"

namespace reachback::cli {

Result<int> show(Api& api, const Terminal& terminal, const ShowOptions& options) {
  if (options.receipts) {
    RB_TRY_ASSIGN(std::string receipts, get_receipts(api, options.id));
    RB_TRY(write_out(receipts + "\n"));
    return 0;
  }
  RB_TRY_ASSIGN(Fields action, get_action(api, options.id));
  RB_TRY(write_out(options.json ? action.json() + "\n" : describe_action(action, terminal)));
  return 0;
}

}  // namespace reachback::cli
