// One script of an action, from the action's acceptance to the script's result: shared by `run` and
// `shell`. What the agent itself does (a BuiltIn command) has a result of the same form.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/action.h"
#include "cli/live.h"
#include "cli/script_output.h"

namespace reachback::cli {

class ScriptRun {
 public:
  // index: of the script among the action's commands. sink: gets each byte of both streams once, in
  // order. on_status: each state on the way.
  ScriptRun(Api& api, const ActionId& id, int index, ScriptSink sink,
            std::function<void(const std::string& status)> on_status);

  // Until the action is final; with is_live the sink gets what the live view shows. After an
  // interruption it may be called again: nothing is shown twice. Errors: those of the sink,
  // timed_out after `timeout` (the action goes on), else as Api.
  Result<Fields> wait(bool is_live, std::optional<Duration> timeout);

  // After the end: what the result has beyond what was shown. nullopt: there is no result.
  // Errors: those of the sink, mismatch, as Api::download(), corrupt.
  Result<std::optional<ScriptResult>> rest();
  // The same with nothing for the sink: on standard output `before`, then the result as it was
  // downloaded, or null.
  Result<std::optional<ScriptResult>> copy(const std::string& before);

 private:
  Result<void> watch_live(std::optional<Duration> timeout);
  Result<std::optional<Mint>> link();

  Api& api_;
  const ActionId id_;
  const int index_;
  const ScriptSink sink_;
  const std::function<void(const std::string& status)> on_status_;
  Result<void> passed_;
  LiveView view_;
};

}  // namespace reachback::cli
