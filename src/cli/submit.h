// Sending an action and waiting for its end: shared by `run` and `get`.
#pragma once

#include <optional>
#include <string>

#include "cli/action.h"

namespace reachback::cli {

struct SentAction {
  ActionId id;
  Fields fields;  // as it was accepted
};
// machine: its id. what: names the request in an error. A connection that breaks makes no second
// action. Errors: as Api.
Result<SentAction> submit_action(Api& api, const std::string& machine, const std::string& body,
                                 const std::string& what);

// The same among many: a server that has too many requests is asked again for up to ten minutes.
Result<SentAction> submit_patiently(Api& api, const std::string& machine, const std::string& body,
                                    const std::string& what);

// As wait_for_final(), its states told on a terminal.
Result<Fields> watch_action(Api& api, const Terminal& terminal, const ActionId& id,
                            std::optional<Duration> timeout);

// A state on its way to the end, told on a terminal.
void tell_status(const Terminal& terminal, const ActionId& id, const std::string& status);

// After Ctrl-C: says what becomes of the action. Never fails; the user wants out.
int leave_action(Api& api, const ActionId& id, bool cancel);

// What the exit status cannot say, for standard error: the action's status unless it succeeded, and
// the errors of its commands.
void complain_about(const Fields& action);

}  // namespace reachback::cli
