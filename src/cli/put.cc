// `put`: a file through the library into the working folder of an action.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/fleet.h"
#include "cli/machines.h"
#include "cli/run.h"
#include "cli/submit.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string put_file_body(const PutOptions& options) {
  json::Array params{json::Object{{"key", "FileName"}, {"value", options.name}}};
  json::Object command{{"type", "PutFile"}, {"params", std::move(params)}};
  json::Object body{{"Commands", json::Array{std::move(command)}}};
  body["Comment"] = options.comment.empty() ? "Put with reachback" : options.comment;
  return json::write(body);
}

bool is_there(const Fields& action) {
  return action.text("status") == "Succeeded";
}

Result<int> put_one(Api& api, const Terminal& terminal, const PutOptions& options,
                    const ActionId& id) {
  RB_TRY_ASSIGN(const Fields action, watch_action(api, terminal, id, options.timeout));
  if (options.json) {
    RB_TRY(write_out("{\"action\":" + action.json() + "}\n"));
  } else if (is_there(action)) {
    RB_TRY(write_out(
        escape_line(fmt::format("{} is on {}", options.name, action.text("computerDnsName"))) +
        "\n"));
  }
  complain_about(action);
  return is_there(action) ? 0 : kExitNoExitCode;
}

Result<void> put_on_machine(Api& api, const PutOptions& options, const Target& target,
                            MachineEnd& end, const std::function<void(const std::string&)>& tell) {
  RB_TRY_ASSIGN(const SentAction sent,
                submit_patiently(api, target.id, put_file_body(options), "put " + options.name));
  end.id = sent.id;
  RB_TRY_ASSIGN(end.action, wait_for_final(api, sent.id, options.timeout, tell));
  if (is_there(*end.action)) {
    end.exit_code = 0;
  } else {
    end.why = describe_failure(*end.action);
  }
  return {};
}

}  // namespace

Result<int> put(Api& api, const Terminal& terminal, const PutOptions& options) {
  RB_TRY_ASSIGN(const std::vector<Target> targets, find_targets(api, options.targets));
  if (!options.from_library) {
    LibraryUploadOptions upload;
    upload.file = options.file;
    upload.name = options.name;
    upload.replace = true;
    RB_TRY(upload_file(api, terminal, upload));
  }
  if (!options.targets.is_one()) {
    return run_fleet(api, terminal, options, targets,
                     [&options](Api& one, const Target& target, MachineEnd& end, const auto& tell) {
                       return put_on_machine(one, options, target, end, tell);
                     });
  }
  RB_TRY_ASSIGN(
      const SentAction sent,
      submit_action(api, targets.front().id, put_file_body(options), "put " + options.name));
  auto outcome = put_one(api, terminal, options, sent.id);
  return api.interrupted() ? leave_action(api, sent.id, options.cancel_on_interrupt) : outcome;
}

}  // namespace reachback::cli
