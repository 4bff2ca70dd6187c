#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace reachback::cli {
namespace {

constexpr const char* kFooter =
    R"(Where the server is and who asks, from the environment or ~/.config/reachback/config.toml:
  REACHBACK_URL            url            https://host:port, the server's public URL
  REACHBACK_TENANT         tenant         the tenant's id
  REACHBACK_CLIENT_ID      client_id      the application's id
  REACHBACK_CLIENT_SECRET  client_secret  its secret
  REACHBACK_CA             ca             file with the CA's certificate

Exit status of run: the script's own (values above 255 become 255); otherwise
  125  an error of reachback: usage, configuration, a refusal by the server
  126  the action ended Failed, TimeOut or Cancelled, before the script ended by itself
  127  the server cannot be reached
  130  interrupted; the action goes on unless --cancel-on-interrupt is given
get: 0 when the file is there whole, 126 when the action ended without it.
verify: 0 when the file is proven, 1 when it is not. Every other command: 0, 125, 127 or 130.)";

Error usage(std::string what) {
  return Error{Errc::invalid_input, std::move(what)};
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Result<ActionId> action_id(const std::string& text) {
  auto id = ActionId::parse(text);
  if (!id) {
    return usage("'" + text + "' is not an action id: reachback actions lists them");
  }
  return *id;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  constexpr std::int64_t kWeek_s = 7LL * 24 * 3600;
  if (error != std::errc() || factor == 0 || number <= 0 || number > kWeek_s ||
      number * factor > kWeek_s) {
    return usage("'" + std::string(text) + "' is not a time: write 90s, 10m or 2h, up to a week");
  }
  return Duration(std::chrono::seconds(number * factor));
}

Result<std::string> library_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  if (name.empty() ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
          std::string::npos) {
    return usage("'" + name +
                 "' cannot be a library name: letters, digits, -, _ and . are allowed; "
                 "rename the file");
  }
  return name;
}

Result<Invocation> parse_arguments(std::vector<std::string> words) {
  // Everything after the first -- belongs to the script, whatever it looks like.
  auto split = std::find(words.begin(), words.end(), "--");
  bool has_args = split != words.end();
  std::vector<std::string> args(has_args ? split + 1 : split, words.end());
  words.erase(split, words.end());

  CLI::App app{"Runs live response on machines through a Reachback server.", "reachback"};
  app.require_subcommand(1);
  app.footer(kFooter);
  app.set_version_flag("--version", "reachback " REACHBACK_VERSION);

  MachinesOptions machines;
  RunOptions run;
  GetOptions get;
  ShowOptions show;
  CancelOptions cancel;
  ResultOptions result;
  VerifyOptions verify;
  ActionsOptions actions;
  LibraryUploadOptions upload;
  LibraryListOptions list;
  LibraryDeleteOptions remove;
  std::string id, timeout;
  int top = 0;
  cancel.comment = "Cancelled with reachback";

  const char* json_help = "Print the API's JSON, compact, as one document";
  CLI::App* on_machines = app.add_subcommand("machines", "List the machines");
  on_machines->add_flag("--json", machines.json, json_help);

  CLI::App* on_run =
      app.add_subcommand("run", "Run a library script on a machine and print its result");
  on_run->add_option("MACHINE", run.machine, "Machine id (40 hex digits) or exact name")
      ->required();
  on_run->add_option("SCRIPT", run.script, "Name in the library; not needed with --file");
  on_run->add_option("--file", run.file, "Upload this file to the library first, replacing it");
  on_run
      ->add_option("--put", run.puts,
                   "Put this library file into the script's folder first; may be repeated")
      ->allow_extra_args(false);
  on_run->add_option("--comment", run.comment, "Why, for the audit");
  on_run->add_option("--timeout", timeout, "Stop waiting after this long: 90s, 10m, 2h");
  on_run->add_flag("--no-wait", run.no_wait, "Print the action's id and do not wait");
  on_run->add_flag("--cancel-on-interrupt", run.cancel_on_interrupt,
                   "Cancel the action on Ctrl-C instead of leaving it");
  on_run->add_flag("--raw", run.raw, "On a terminal too, print control characters as they are");
  on_run->add_flag("--json", run.json,
                   "Print one document: {\"action\":…,\"result\":…}, the result as downloaded");
  on_run->footer("Words after -- are quoted so that the script gets exactly these words.");

  CLI::App* on_get = app.add_subcommand("get", "Fetch a file of a machine, and check its hash");
  on_get->add_option("MACHINE", get.machine, "Machine id (40 hex digits) or exact name")
      ->required();
  on_get->add_option("PATH", get.path, "The file's absolute path on the machine")->required();
  on_get->add_option("-o,--output", get.file, "Where it goes (default: its name); - for stdout");
  on_get->add_option("--comment", get.comment, "Why, for the audit");
  on_get->add_option("--timeout", timeout, "Stop waiting after this long: 90s, 10m, 2h");
  on_get->add_flag("--cancel-on-interrupt", get.cancel_on_interrupt,
                   "Cancel the action on Ctrl-C instead of leaving it");

  CLI::App* on_show = app.add_subcommand("show", "Show an action");
  on_show->add_option("ID", id, "Action id")->required();
  on_show->add_flag("--json", show.json, json_help);

  on_show->add_flag("--receipts", show.receipts,
                    "Print what the machine signed about its commands, for reachback verify");

  CLI::App* on_cancel = app.add_subcommand("cancel", "Cancel an action");
  on_cancel->add_option("ID", id, "Action id")->required();
  on_cancel->add_option("--comment", cancel.comment, "Why, for the audit");
  on_cancel->add_flag("--json", cancel.json, json_help);

  CLI::App* on_result = app.add_subcommand("result", "Fetch the result of a command of an action");
  on_result->add_option("ID", id, "Action id")->required();
  on_result->add_option("INDEX", result.index, "Position of the command, from 0")
      ->check(CLI::Range(0, 99999));
  on_result->add_option("-o,--output", result.file, "Write the file as it is; - for stdout");
  on_result->add_flag("--raw", result.raw,
                      "On a terminal too, print control characters as they are");

  on_result->add_option("--receipts", result.receipts,
                        "Write the action's receipts to this file, for reachback verify");

  CLI::App* on_verify = app.add_subcommand(
      "verify", "Check offline that a machine signed for a result file; asks no server");
  on_verify->add_option("RESULT", verify.result, "The file that result -o wrote")->required();
  on_verify->add_option("--receipt", verify.receipts,
                        "Receipts that result --receipts wrote; may be repeated (default: "
                        "RESULT.receipts)");
  on_verify->add_option("--machine", verify.machine, "The machine id that must have signed");
  on_verify->add_option("--machine-key", verify.machine_key,
                        "The machine's public key, PEM or base64 (default: the one that comes with "
                        "the receipts: the machine id is its hash)");

  CLI::App* on_actions = app.add_subcommand("actions", "List actions, newest first");
  CLI::Option* has_top =
      on_actions->add_option("--top", top, "At most this many")->check(CLI::Range(1, 10000));
  on_actions->add_flag("--json", actions.json, json_help);

  CLI::App* library = app.add_subcommand("library", "The library of scripts and files");
  library->require_subcommand(1);
  CLI::App* on_upload = library->add_subcommand("upload", "Add a file");
  on_upload->add_option("FILE", upload.file, "Path of the file")->required();
  on_upload->add_option("--name", upload.name, "Name in the library (default: the file's)");
  on_upload->add_option("--description", upload.description, "What it does");
  on_upload->add_option("--parameters-description", upload.parameters_description,
                        "What its parameters mean; implies --has-parameters");
  on_upload->add_flag("--has-parameters", upload.has_parameters, "It takes parameters");
  on_upload->add_flag("--override", upload.replace, "Replace a file of this name");
  CLI::App* on_list = library->add_subcommand("list", "List the files");
  on_list->add_flag("--json", list.json, json_help);
  CLI::App* on_delete = library->add_subcommand("delete", "Remove a file");
  on_delete->add_option("NAME", remove.name, "Name in the library")->required();

  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back.
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return Invocation(ShowText{app.help()});
  } catch (const CLI::CallForAllHelp&) {
    return Invocation(ShowText{app.help("", CLI::AppFormatMode::All)});
  } catch (const CLI::CallForVersion&) {
    return Invocation(ShowText{"reachback " REACHBACK_VERSION "\n"});
  } catch (const CLI::ParseError& error) {
    return usage(one_line(error.what()) + ": see reachback --help");
  }
  if (has_args && !on_run->parsed()) {
    return usage("only run takes words after --: see reachback --help");
  }

  if (on_machines->parsed()) {
    return Invocation(machines);
  }
  if (on_run->parsed()) {
    run.args = std::move(args);
    for (const std::string& word : run.args) {
      if (!is_valid_utf8(word)) {
        return usage("an argument is not valid UTF-8: pass it in a file");
      }
    }
    if (!timeout.empty()) {
      RB_TRY_ASSIGN(run.timeout, parse_duration(timeout));
    }
    if (!run.file.empty()) {
      RB_TRY_ASSIGN(std::string name, library_name(run.file));
      if (!run.script.empty() && run.script != name) {
        return usage("--file '" + name + "' and script '" + run.script +
                     "' differ: leave out the script's name, and put its arguments after --");
      }
      run.script = std::move(name);
    }
    if (run.script.empty()) {
      return usage("run needs a script: name one of reachback library list, or give --file");
    }
    return Invocation(run);
  }
  if (on_get->parsed()) {
    if (!timeout.empty()) {
      RB_TRY_ASSIGN(get.timeout, parse_duration(timeout));
    }
    if (!is_valid_utf8(get.path)) {
      return usage("the path is not valid UTF-8: a script can print such a file");
    }
    get.file = get.file.empty() ? get.path.substr(get.path.rfind('/') + 1) : get.file;
    if (get.file.empty()) {
      return usage("'" + get.path + "' is a folder's path: name a file");
    }
    return Invocation(get);
  }
  if (on_verify->parsed()) {
    return Invocation(verify);
  }
  if (on_actions->parsed()) {
    if (has_top->count() > 0) {
      actions.top = top;
    }
    return Invocation(actions);
  }
  if (on_upload->parsed()) {
    RB_TRY_ASSIGN(upload.name, library_name(upload.name.empty() ? upload.file : upload.name));
    upload.has_parameters = upload.has_parameters || !upload.parameters_description.empty();
    return Invocation(upload);
  }
  if (on_list->parsed()) {
    return Invocation(list);
  }
  if (on_delete->parsed()) {
    return Invocation(remove);
  }
  RB_TRY_ASSIGN(show.id, action_id(id));
  cancel.id = result.id = show.id;
  if (on_show->parsed()) {
    return Invocation(show);
  }
  if (on_cancel->parsed()) {
    return Invocation(cancel);
  }
  return Invocation(result);
}

}  // namespace reachback::cli
