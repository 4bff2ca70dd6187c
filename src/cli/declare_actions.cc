#include <CLI/CLI.hpp>

#include "cli/declare.h"

namespace reachback::cli {
namespace {

Result<ActionId> action_id(const std::string& text) {
  auto id = ActionId::parse(text);
  if (!id) {
    return usage("'" + text + "' is not an action id: reachback actions lists them");
  }
  return *id;
}

template <typename T>
std::function<Result<Invocation>(const std::vector<std::string>&)> with_id(
    const std::shared_ptr<T>& options, const std::shared_ptr<std::string>& id) {
  return [options, id](const auto&) -> Result<Invocation> {
    RB_TRY_ASSIGN(options->id, action_id(*id));
    return Invocation(*options);
  };
}

void declare_result(CLI::App& program, std::vector<Declared>& out,
                    const std::shared_ptr<std::string>& id) {
  auto result = std::make_shared<ResultOptions>();
  CLI::App* app = program.add_subcommand("result", "Fetch the result of a command of an action");
  app->add_option("ID", *id, "Action id")->required();
  app->add_option("INDEX", result->index, "Position of the command, from 0")
      ->check(CLI::Range(0, 99999));
  app->add_option("-o,--output", result->file, "Write the file as it is; - for standard output")
      ->type_name("FILE");
  app->add_flag("--json", result->json,
                "Print one document: {\"id\":…,\"index\":…,\"bytes\":…,\"file\":…} with -o FILE; "
                "else a script's result as downloaded");
  app->add_flag("--raw", result->raw, "On a terminal too, print control characters as they are");
  app->add_option("--receipts", result->receipts,
                  "Write the action's receipts to this file, for reachback verify")
      ->type_name("FILE");
  out.push_back({app, "ID [INDEX] [OPTIONS]",
                 "A script's output and errors go to standard output and standard error. "
                 "A download that breaks goes on where it was.",
                 with_id(result, id)});
}

void declare_verify(CLI::App& program, std::vector<Declared>& out) {
  auto verify = std::make_shared<VerifyOptions>();
  CLI::App* app = program.add_subcommand(
      "verify", "Check offline that a machine signed for a result file; asks no server");
  app->add_option("RESULT", verify->result, "The file that result -o wrote")->required();
  app->add_option("--receipt", verify->receipts,
                  "Receipts that result --receipts wrote; may be repeated (default: "
                  "RESULT.receipts)")
      ->type_name("FILE");
  app->add_option("--machine", verify->machine, "The machine id that must have signed")
      ->type_name("MACHINE");
  app->add_option("--machine-key", verify->machine_key,
                  "The machine's public key, PEM or base64 (default: the one that comes with "
                  "the receipts: the machine id is its hash)")
      ->type_name("FILE");
  declare_print(*app, *verify, "Print one document: {\"proven\":true|false,\"message\":…}");
  out.push_back({app, "RESULT [OPTIONS]", "",
                 [verify](const auto&) -> Result<Invocation> { return Invocation(*verify); }});
}

}  // namespace

void declare_actions(CLI::App& program, std::vector<Declared>& out) {
  auto id = std::make_shared<std::string>();
  {
    auto machines = std::make_shared<MachinesOptions>();
    CLI::App* app = program.add_subcommand("machines", "List the machines");
    app->add_option("--tag", machines->tags, "Only with this tag; may be repeated: any of them")
        ->type_name("TAG")
        ->allow_extra_args(false);
    app->add_option("--filter", machines->filter, "Only those that fit this OData filter")
        ->type_name("ODATA");
    declare_print(*app, *machines, kApiJson);
    out.push_back({app, "[OPTIONS]", "", [machines](const auto&) -> Result<Invocation> {
                     return Invocation(*machines);
                   }});
  }
  {
    auto show = std::make_shared<ShowOptions>();
    CLI::App* app = program.add_subcommand("show", "Show an action");
    app->add_option("ID", *id, "Action id")->required();
    app->add_flag("--receipts", show->receipts,
                  "Print what the machine signed about its commands, for reachback verify");
    declare_print(*app, *show, kApiJson);
    out.push_back({app, "ID [OPTIONS]", "", with_id(show, id)});
  }
  {
    auto cancel = std::make_shared<CancelOptions>();
    cancel->comment = "Cancelled with reachback";
    CLI::App* app = program.add_subcommand("cancel", "Cancel an action");
    app->add_option("ID", *id, "Action id")->required();
    app->add_option("--comment", cancel->comment, "Why, for the audit")->type_name("TEXT");
    declare_print(*app, *cancel, kApiJson);
    out.push_back({app, "ID [OPTIONS]", "", with_id(cancel, id)});
  }
  declare_result(program, out, id);
  declare_verify(program, out);
  auto actions = std::make_shared<ActionsOptions>();
  auto top = std::make_shared<int>(0);
  CLI::App* app = program.add_subcommand("actions", "List actions, newest first");
  app->add_option("--top", *top, "At most this many")->type_name("N")->check(CLI::Range(1, 10000));
  app->add_option("--filter", actions->filter, "Only those that fit this OData filter")
      ->type_name("ODATA");
  declare_print(*app, *actions, kApiJson);
  out.push_back({app, "[OPTIONS]", "", [actions, top](const auto&) -> Result<Invocation> {
                   if (*top > 0) {
                     actions->top = *top;
                   }
                   return Invocation(*actions);
                 }});
}

}  // namespace reachback::cli
