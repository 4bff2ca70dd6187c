// Actions as the CLI sees them: reading, waiting, fetching results.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/fields.h"
#include "cli/terminal.h"

namespace reachback::cli {

std::string action_path(const ActionId& id);
bool is_final(std::string_view status);
bool is_outage(Errc code);  // a call that may work a moment later
Result<Fields> get_action(Api& api, const ActionId& id);
// The API's document of receipts, as it is.
Result<std::string> get_receipts(Api& api, const ActionId& id);

// Until the action is final; outlives a server that is away for up to a minute.
// on_status: each time the status differs from the one before.
// Errors: timed_out after `timeout` (the action goes on), else as Api.
Result<Fields> wait_for_final(Api& api, const ActionId& id, std::optional<Duration> timeout,
                              const std::function<void(const std::string& status)>& on_status);

// A fresh link to the result of a command. Errors: not_found (it has no result).
Result<std::string> mint_link(Api& api, const ActionId& id, int index);

// The lines of `show`.
std::string describe_action(const Fields& action, const Terminal& terminal);
// "RunScript triage.sh --fast"
std::string describe_command(const Fields& command);

}  // namespace reachback::cli
