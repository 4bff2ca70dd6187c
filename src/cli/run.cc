#include "cli/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/action.h"
#include "cli/commands.h"
#include "cli/live.h"
#include "cli/machines.h"
#include "cli/script_output.h"
#include "cli/submit.h"
#include "json/json.h"
#include "protocol/words.h"

namespace reachback::cli {
namespace {

// {"action":…,"result":…}, the result copied through while its exit code is read.
Result<ScriptResult> print_json(Api& api, const Fields& action, const Mint& mint, bool has_result) {
  RB_TRY(write_out("{\"action\":" + action.json() + ",\"result\":"));
  ScriptResult out;
  if (!has_result) {
    RB_TRY(write_out("null}\n"));
    return out;
  }
  ResultFileReader reader([](ScriptStream, std::string_view) { return true; });
  Result<void> handled;
  auto fetched = fetch_all(
      api, mint,
      [&reader, &handled](std::string_view piece) {
        handled = reader.feed(piece);
        if (handled.ok()) {
          handled = write_out(piece);
        }
        return handled.ok();
      },
      nullptr);
  RB_TRY(handled);
  RB_TRY(fetched);
  RB_TRY(reader.finish());
  RB_TRY(write_out("}\n"));
  out.exit_code = reader.exit_code();
  return out;
}

// One action from its acceptance to its exit status.
class OneRun {
 public:
  OneRun(Api& api, const Terminal& terminal, const RunOptions& options, const ActionId& id)
      : api_(api),
        terminal_(terminal),
        options_(options),
        id_(id),
        index_(static_cast<int>(options.puts.size())),
        printer_(terminal, options.raw),
        view_(index_,
              {[this](ScriptStream stream, std::string_view text) {
                 printed_ = printer_.print(stream, text);
                 return printed_.ok();
               },
               [this](const std::string& status) { tell_status(terminal_, id_, status); }}) {}

  Result<int> finish() {
    const auto start = std::chrono::steady_clock::now();
    std::optional<Duration> left = options_.timeout;
    if (!options_.no_live && !options_.json) {
      RB_TRY(watch_live(start));
      if (left) {
        const auto gone =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start);
        left = std::max<Duration>(*left - gone, std::chrono::seconds(1));
      }
    }
    RB_TRY_ASSIGN(const Fields action, watch_action(api_, terminal_, id_, left));
    return report(action);
  }

 private:
  // Whatever live view lacks, the result has: only what ends everything is an error.
  Result<void> watch_live(std::chrono::steady_clock::time_point start) {
    std::optional<std::chrono::steady_clock::time_point> until;
    if (options_.timeout) {
      until = start +
              std::chrono::duration_cast<std::chrono::steady_clock::duration>(*options_.timeout);
    }
    auto followed = follow_action(api_, id_, until, view_);
    RB_TRY(printed_);
    return api_.interrupted() ? followed : Result<void>();
  }

  Result<int> report(const Fields& action) {
    const std::vector<Fields> commands = action.objects("commands");
    const auto index = static_cast<std::size_t>(index_);
    const Fields command = index < commands.size() ? commands[index] : action.object("");
    auto link = mint_link(api_, id_, index_);
    if (!link.ok() && link.error().code != Errc::not_found) {
      return link.error();
    }
    const Mint mint = beginning_with(link.ok() ? *link : std::string(),
                                     [this] { return mint_link(api_, id_, index_); });
    ScriptResult script;
    if (options_.json) {
      RB_TRY_ASSIGN(script, print_json(api_, action, mint, link.ok()));
    } else if (link.ok()) {
      RB_TRY_ASSIGN(script, read_script_result(
                                api_, mint,
                                [this](ScriptStream stream, std::string_view text) {
                                  return printer_.print(stream, text);
                                },
                                &view_.shown()));
    }
    RB_TRY(printer_.finish());
    complain_about(action);
    return exit_status(command.text("commandStatus"), script.exit_code);
  }

  Api& api_;
  const Terminal& terminal_;
  const RunOptions& options_;
  const ActionId id_;
  const int index_;
  Result<void> printed_;
  ScriptPrinter printer_;
  LiveView view_;
};

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
  auto outcome = OneRun(api, terminal, options, sent.id).finish();
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
