// `get`: a file of a machine, whole and with the hash that the machine told.
#include "base/file.h"
#include "cli/commands.h"
#include "cli/fetch_file.h"
#include "cli/machines.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/submit.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string get_file_body(const GetOptions& options) {
  json::Array params{json::Object{{"key", "Path"}, {"value", options.path}}};
  json::Object command{{"type", "GetFile"}, {"params", std::move(params)}};
  json::Object body{{"Commands", json::Array{std::move(command)}}};
  body["Comment"] = options.comment.empty() ? "Fetched with reachback" : options.comment;
  return json::write(body);
}

Result<int> get_one(Api& api, const Terminal& terminal, const GetOptions& options,
                    const ActionId& id) {
  RB_TRY_ASSIGN(const Fields action, watch_action(api, terminal, id, options.timeout));
  const std::optional<Fields> about = fetched_file(action);
  if (!about) {
    if (options.json) {
      RB_TRY(write_out("{\"action\":" + action.json() + ",\"file\":null}\n"));
    }
    complain_about(action);
    return kExitNoExitCode;
  }
  {
    Meter meter(terminal, options.file == "-" ? options.path : options.file);
    RB_TRY(fetch_file(api, *about, id, options.file, Existing::replaced, &meter));
  }
  if (options.json) {
    RB_TRY(write_out("{\"action\":" + action.json() +
                     ",\"file\":" + file_json(*about, options.file) + "}\n"));
  } else if (terminal.err_is_terminal) {
    complain(describe_file(*about));
  }
  return 0;
}

Result<void> get_on_machine(Api& api, const GetOptions& options, const Target& target,
                            MachineEnd& end, const std::function<void(const std::string&)>& tell) {
  RB_TRY_ASSIGN(const SentAction sent,
                submit_patiently(api, target.id, get_file_body(options), "get " + options.path));
  end.id = sent.id;
  RB_TRY_ASSIGN(end.action, wait_for_final(api, sent.id, options.timeout, tell));
  const std::optional<Fields> about = fetched_file(*end.action);
  if (!about) {
    end.why = describe_failure(*end.action);
    return {};
  }
  end.folder = options.file + "/" + target.folder;
  RB_TRY(make_folder(end.folder));
  RB_TRY(write_file_durably(end.folder + "/action.json", end.action->json() + "\n"));
  const std::string file = end.folder + "/" + options.path.substr(options.path.rfind('/') + 1);
  tell("fetching " + about->text("size") + " bytes");
  RB_TRY(fetch_file(api, *about, sent.id, file, Existing::replaced, nullptr));
  end.json = ",\"file\":" + file_json(*about, file);
  end.exit_code = 0;
  return {};
}

}  // namespace

Result<int> get(Api& api, const Terminal& terminal, const GetOptions& options) {
  if (!options.targets.is_one()) {
    RB_TRY_ASSIGN(const std::vector<Target> targets, find_targets(api, options.targets));
    return run_fleet(api, terminal, options, targets,
                     [&options](Api& one, const Target& target, MachineEnd& end, const auto& tell) {
                       return get_on_machine(one, options, target, end, tell);
                     });
  }
  RB_TRY_ASSIGN(const std::string machine, find_machine(api, options.targets.machines.front()));
  RB_TRY_ASSIGN(const SentAction sent,
                submit_action(api, machine, get_file_body(options), "get " + options.path));
  auto outcome = get_one(api, terminal, options, sent.id);
  return api.interrupted() ? leave_action(api, sent.id, options.cancel_on_interrupt) : outcome;
}

}  // namespace reachback::cli
