#include "cli/run.h"

#include <fmt/format.h>

#include "cli/action.h"
#include "cli/commands.h"
#include "cli/machines.h"
#include "cli/result_file.h"
#include "cli/submit.h"
#include "json/json.h"
#include "protocol/words.h"

namespace reachback::cli {
namespace {

// {"action":…,"result":…}, the result copied through while its exit code is read.
Result<ScriptResult> print_json(Api& api, const Fields& action,
                                const std::optional<std::string>& link) {
  RB_TRY(write_out("{\"action\":" + action.json() + ",\"result\":"));
  ScriptResult out;
  if (!link) {
    RB_TRY(write_out("null}\n"));
    return out;
  }
  ResultFileReader reader([](ScriptStream, std::string_view) { return true; });
  Result<void> handled;
  auto downloaded = api.download(*link, [&reader, &handled](std::string_view piece) {
    handled = reader.feed(piece);
    if (handled.ok()) {
      handled = write_out(piece);
    }
    return handled.ok();
  });
  RB_TRY(handled);
  RB_TRY(downloaded);
  RB_TRY(reader.finish());
  RB_TRY(write_out("}\n"));
  out.exit_code = reader.exit_code();
  return out;
}

Result<int> report(Api& api, const Terminal& terminal, const RunOptions& options,
                   const ActionId& id, const Fields& action) {
  std::vector<Fields> commands = action.objects("commands");
  const std::size_t index = options.puts.size();
  Fields command = index < commands.size() ? commands[index] : action.object("");
  std::optional<std::string> link;
  auto minted = mint_link(api, id, static_cast<int>(index));
  if (minted.ok()) {
    link = std::move(*minted);
  } else if (minted.error().code != Errc::not_found) {
    return minted.error();
  }
  ScriptResult script;
  if (options.json) {
    RB_TRY_ASSIGN(script, print_json(api, action, link));
  } else if (link) {
    RB_TRY_ASSIGN(script, print_script_result(api, *link, terminal, options.raw));
  }
  complain_about(action);
  return exit_status(command.text("commandStatus"), script.exit_code);
}

}  // namespace

int exit_status(std::string_view command_status, std::optional<std::int64_t> exit_code) {
  if (!exit_code || command_status != "Completed") {
    return kExitNoExitCode;
  }
  return *exit_code >= 0 && *exit_code <= 255 ? static_cast<int>(*exit_code) : 255;
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
  RB_TRY_ASSIGN(std::string machine, find_machine(api, options.machine));
  if (!options.file.empty()) {
    LibraryUploadOptions upload;
    upload.file = options.file;
    upload.name = options.script;
    upload.has_parameters = !options.args.empty();
    upload.replace = true;
    RB_TRY(upload_file(api, upload));
  }
  RB_TRY_ASSIGN(const SentAction sent,
                submit_action(api, machine, run_script_body(options), "run " + options.script));
  if (options.no_wait) {
    RB_TRY(write_out(options.json ? "{\"action\":" + sent.fields.json() + ",\"result\":null}\n"
                                  : sent.id.text() + "\n"));
    return 0;
  }
  auto ended = watch_action(api, terminal, sent.id, options.timeout);
  auto outcome =
      ended.ok() ? report(api, terminal, options, sent.id, *ended) : Result<int>(ended.error());
  if (api.interrupted()) {
    return leave_action(api, sent.id, options.cancel_on_interrupt);
  }
  return outcome;
}

}  // namespace reachback::cli
