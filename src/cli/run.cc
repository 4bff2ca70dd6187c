#include "cli/run.h"

#include <fmt/format.h>

#include "cli/action.h"
#include "cli/commands.h"
#include "cli/machines.h"
#include "cli/script_run.h"
#include "cli/submit.h"
#include "json/json.h"
#include "protocol/words.h"

namespace reachback::cli {
namespace {

// One action from its acceptance to its exit status.
Result<int> finish_run(Api& api, const Terminal& terminal, const RunOptions& options,
                       const ActionId& id) {
  const auto index = static_cast<int>(options.puts.size());
  ScriptPrinter printer(terminal, options.raw);
  ScriptRun script(
      api, id, index,
      [&printer](ScriptStream stream, std::string_view text) {
        return printer.print(stream, text);
      },
      [&terminal, &id](const std::string& status) { tell_status(terminal, id, status); });
  RB_TRY_ASSIGN(const Fields action,
                script.wait(/*is_live=*/!options.no_live && !options.json, options.timeout));
  std::optional<ScriptResult> result;
  if (options.json) {
    RB_TRY_ASSIGN(result, script.copy("{\"action\":" + action.json() + ",\"result\":"));
    RB_TRY(write_out("}\n"));
  } else {
    RB_TRY_ASSIGN(result, script.rest());
  }
  RB_TRY(printer.finish());
  complain_about(action);
  return exit_status(action, index, result);
}

}  // namespace

int exit_status(std::string_view command_status, std::optional<std::int64_t> exit_code) {
  if (!exit_code || command_status != "Completed") {
    return kExitNoExitCode;
  }
  return *exit_code >= 0 && *exit_code <= 255 ? static_cast<int>(*exit_code) : 255;
}

int exit_status(const Fields& action, int index, const std::optional<ScriptResult>& result) {
  const std::vector<Fields> commands = action.objects("commands");
  const auto at = static_cast<std::size_t>(index);
  const Fields command = at < commands.size() ? commands[at] : action.object("");
  return exit_status(command.text("commandStatus"), result ? result->exit_code : std::nullopt);
}

std::string run_script_body(const RunOptions& options) {
  json::Array commands;
  for (const std::string& name : options.puts) {
    json::Array params{json::Object{{"key", "FileName"}, {"value", name}}};
    commands.push_back(json::Object{{"type", "PutFile"}, {"params", std::move(params)}});
  }
  json::Array params;
  params.push_back(json::Object{{"key", "ScriptName"}, {"value", options.script}});
  if (!options.args.empty()) {
    params.push_back(json::Object{{"key", "Args"}, {"value", protocol::join_words(options.args)}});
  }
  commands.push_back(json::Object{{"type", "RunScript"}, {"params", std::move(params)}});
  json::Object body{{"Commands", std::move(commands)}};
  body["Comment"] = options.comment.empty() ? "Run with reachback" : options.comment;
  return json::write(body);
}

Result<int> run(Api& api, const Terminal& terminal, const RunOptions& options) {
  if (!options.targets.is_one()) {
    return run_on_many(api, terminal, options);
  }
  RB_TRY_ASSIGN(std::string machine, find_machine(api, options.targets.machines.front()));
  if (!options.file.empty()) {
    RB_TRY(upload_script(api, terminal, options));
  }
  RB_TRY_ASSIGN(const SentAction sent,
                submit_action(api, machine, run_script_body(options), "run " + options.script));
  if (options.no_wait) {
    RB_TRY(write_out(options.json ? "{\"action\":" + sent.fields.json() + ",\"result\":null}\n"
                                  : sent.id.text() + "\n"));
    return 0;
  }
  auto outcome = finish_run(api, terminal, options, sent.id);
  return api.interrupted() ? leave_action(api, sent.id, options.cancel_on_interrupt) : outcome;
}

Result<void> upload_script(Api& api, const Terminal& terminal, const RunOptions& options) {
  LibraryUploadOptions upload;
  upload.file = options.file;
  upload.name = options.script;
  upload.has_parameters = !options.args.empty();
  upload.replace = true;
  RB_TRY(upload_file(api, terminal, upload));
  return {};
}

}  // namespace reachback::cli
