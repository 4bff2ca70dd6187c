#include "cli/run.h"

#include <fmt/format.h>

#include "cli/action.h"
#include "cli/cancel.h"
#include "cli/commands.h"
#include "cli/machines.h"
#include "cli/result_file.h"
#include "crypto/random.h"
#include "json/json.h"
#include "protocol/words.h"

namespace reachback::cli {
namespace {

// After Ctrl-C: says what becomes of the action. Never fails; the user wants out.
int leave(Api& api, const ActionId& id, const RunOptions& options) {
  api.clear_interrupt();
  if (!options.cancel_on_interrupt) {
    complain(
        fmt::format("interrupted: action {} goes on: reachback show {} tells how, reachback "
                    "cancel {} ends it",
                    id.text(), id.text(), id.text()));
    return kExitInterrupted;
  }
  auto action = cancel_action(api, id, "Interrupted at the keyboard");
  if (action.ok()) {
    complain(fmt::format("interrupted: action {} is {}", id.text(), action->text("status")));
  } else {
    complain(fmt::format("interrupted: action {} goes on, cancelling failed: {}", id.text(),
                         action.error().message));
  }
  return kExitInterrupted;
}

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

// Everything about the action that the exit status cannot say, for standard error.
void complain_about(const Fields& action, const Fields& command) {
  if (action.text("status") != "Succeeded") {
    complain(fmt::format("action {} is {}", action.text("id"), action.text("status")));
  }
  for (const std::string& error : command.texts("errors")) {
    complain(error);
  }
}

Result<int> report(Api& api, const Terminal& terminal, const RunOptions& options,
                   const ActionId& id, const Fields& action) {
  std::vector<Fields> commands = action.objects("commands");
  Fields command = commands.empty() ? action.object("") : commands[0];
  std::optional<std::string> link;
  auto minted = mint_link(api, id, 0);
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
  complain_about(action, command);
  return exit_status(command.text("commandStatus"), script.exit_code);
}

}  // namespace

int exit_status(std::string_view command_status, std::optional<std::int64_t> exit_code) {
  if (!exit_code || command_status != "Completed") {
    return kExitNoExitCode;
  }
  return *exit_code >= 0 && *exit_code <= 255 ? static_cast<int>(*exit_code) : 255;
}

std::string run_script_body(const std::string& script, const std::vector<std::string>& args,
                            const std::string& comment) {
  json::Array params;
  params.push_back(json::Object{{"key", "ScriptName"}, {"value", script}});
  if (!args.empty()) {
    params.push_back(json::Object{{"key", "Args"}, {"value", protocol::join_words(args)}});
  }
  json::Object command{{"type", "RunScript"}, {"params", std::move(params)}};
  json::Object body{{"Commands", json::Array{std::move(command)}}};
  body["Comment"] = comment.empty() ? "Run with reachback" : comment;
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
  // Sent again after a broken connection, the server knows it for the same request.
  crypto::SystemRandom random;
  net::Headers headers;
  headers.set("Idempotency-Key", ActionId::make(random).text());
  auto body = api.post("/api/machines/" + machine + "/runliveresponse",
                       run_script_body(options.script, options.args, options.comment),
                       "application/json", headers);
  if (!body) {
    return body.error().in("run " + options.script + " on " + machine);
  }
  RB_TRY_ASSIGN(Fields action, Fields::parse(*body));
  auto id = ActionId::parse(action.text("id"));
  if (!id) {
    return Error{Errc::protocol,
                 "the server gave no action id: see that REACHBACK_URL is a Reachback server"};
  }
  if (options.no_wait) {
    RB_TRY(write_out(options.json ? "{\"action\":" + action.json() + ",\"result\":null}\n"
                                  : id->text() + "\n"));
    return 0;
  }
  auto ended =
      wait_for_final(api, *id, options.timeout, [&terminal, &id](const std::string& status) {
        if (terminal.err_is_terminal && !is_final(status)) {
          complain("action " + id->text() + ": " + status);
        }
      });
  auto outcome =
      ended.ok() ? report(api, terminal, options, *id, *ended) : Result<int>(ended.error());
  if (api.interrupted()) {
    return leave(api, *id, options);
  }
  return outcome;
}

}  // namespace reachback::cli
