#include <CLI/CLI.hpp>

#include "base/bytes.h"
#include "cli/declare.h"

namespace reachback::cli {
namespace {

// What the commands have in common beside their own words.
struct Common {
  std::vector<std::string> words;
  std::string timeout;
};

void declare_targets(CLI::App& app, ActionOptions& options, Common& common) {
  TargetOptions& targets = options.targets;
  app.add_option("--tag", targets.tags, "Every machine with this tag; may be repeated: any of them")
      ->type_name("TAG")
      ->allow_extra_args(false);
  app.add_option("--filter", targets.filter,
                 "Every machine that fits this OData filter (and one of the tags, if given)")
      ->type_name("ODATA");
  app.add_option("--machines-from", targets.file,
                 "The machines that this file names, a line each (# begins a comment); - for "
                 "standard input")
      ->type_name("FILE");
  app.add_option("--parallel", targets.parallel, "So many machines at a time (default 16)")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  app.add_option("--comment", options.comment, "Why, for the audit")->type_name("TEXT");
  app.add_option("--timeout", common.timeout, "Stop waiting after this long: 90s, 10m, 2h")
      ->type_name("TIME");
  app.add_flag("--cancel-on-interrupt", options.cancel_on_interrupt,
               "Cancel the action on Ctrl-C instead of leaving it");
}

bool names_machines(const TargetOptions& t) {
  return !t.machines.empty() || !t.tags.empty() || !t.filter.empty() || !t.file.empty();
}

Result<void> finish_targets(ActionOptions& options, Common& common) {
  if (!common.timeout.empty()) {
    RB_TRY_ASSIGN(options.timeout, parse_duration(common.timeout));
  }
  options.targets.machines = common.words;
  if (!names_machines(options.targets)) {
    return usage("no MACHINE is named: give names or ids, --tag, --filter or --machines-from");
  }
  return {};
}

// The last of the words by position is what is done, the ones before it are machines.
std::string take_last(std::vector<std::string>& words) {
  if (words.empty()) {
    return {};
  }
  std::string out = std::move(words.back());
  words.pop_back();
  return out;
}

Result<Invocation> finish_run(RunOptions run, Common common, const std::vector<std::string>& args) {
  run.args = args;
  for (const std::string& word : run.args) {
    if (!is_valid_utf8(word)) {
      return usage("an argument is not valid UTF-8: pass it in a file");
    }
  }
  const bool has_others = names_machines(run.targets);
  if (!run.file.empty()) {
    RB_TRY_ASSIGN(run.script, library_name(run.file));
    if (common.words.size() > (has_others ? 0U : 1U) && common.words.back() == run.script) {
      common.words.pop_back();
    }
  } else {
    if (common.words.size() < (has_others ? 1U : 2U)) {
      return common.words.empty() && !has_others
                 ? usage("no MACHINE is named: reachback run MACHINE SCRIPT")
                 : usage("run needs a script: name one of reachback library list, or give --file");
    }
    run.script = take_last(common.words);
  }
  RB_TRY(finish_targets(run, common));
  if (run.no_wait && !run.targets.is_one() && !run.output.empty()) {
    return usage("with --no-wait there are no results for -o: leave one of them out");
  }
  return Invocation(std::move(run));
}

Result<Invocation> finish_get(GetOptions get, Common common) {
  get.path = take_last(common.words);
  if (get.path.empty() || (common.words.empty() && !names_machines(get.targets))) {
    return usage("get needs MACHINE and PATH: reachback get MACHINE PATH");
  }
  RB_TRY(finish_targets(get, common));
  if (!is_valid_utf8(get.path)) {
    return usage("the path is not valid UTF-8: a script can print such a file");
  }
  const std::string name = get.path.substr(get.path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..") {
    return usage("'" + get.path + "' is a folder's path: name a file");
  }
  if (!get.targets.is_one() && (get.output.empty() || get.output == "-")) {
    return usage("get from several machines needs a folder: -o DIR");
  }
  if (get.json && get.output == "-") {
    return usage("--json and the file cannot both go to standard output: give -o FILE");
  }
  get.file = get.output.empty() ? name : get.output;
  get.output.clear();
  return Invocation(std::move(get));
}

Result<Invocation> finish_put(PutOptions put, Common common) {
  put.file = take_last(common.words);
  if (put.file.empty() || (common.words.empty() && !names_machines(put.targets))) {
    return usage("put needs MACHINE and FILE: reachback put MACHINE FILE");
  }
  RB_TRY(finish_targets(put, common));
  if (put.from_library && !put.name.empty()) {
    return usage("--name is for a file that is uploaded: leave it or --from-library out");
  }
  RB_TRY_ASSIGN(put.name, library_name(put.name.empty() ? put.file : put.name));
  return Invocation(std::move(put));
}

}  // namespace

void declare_running(CLI::App& program, std::vector<Declared>& out) {
  auto common = std::make_shared<Common>();
  {
    auto run = std::make_shared<RunOptions>();
    CLI::App* app =
        program.add_subcommand("run", "Run a library script on machines and print its result");
    app->add_option("MACHINE", common->words,
                    "Machine id (40 hex digits) or exact name; the last word is the script's name "
                    "in the library, unless --file is given");
    app->add_option("--file", run->file, "Upload this file to the library first, replacing it")
        ->type_name("FILE");
    app->add_option("--put", run->puts,
                    "Put this library file into the script's folder first; may be repeated")
        ->type_name("NAME")
        ->allow_extra_args(false);
    declare_targets(*app, *run, *common);
    app->add_flag("--no-wait", run->no_wait, "Print the action's id and do not wait");
    app->add_flag("--no-live", run->no_live, "Print the output when the script has ended");
    app->add_flag("--raw", run->raw, "On a terminal too, print control characters as they are");
    declare_print(*app, *run,
                  "Print one document: {\"action\":…,\"result\":…}, the result as downloaded");
    out.push_back({app, "MACHINE… SCRIPT [OPTIONS] [-- WORD…]",
                   "Words after -- are quoted so that the script gets exactly these words.\n"
                   "Of one machine the output is shown while the script runs. Of several, each "
                   "machine's lines are printed under its name when it has ended; with -o DIR its "
                   "result goes to DIR/NAME/ (stdout, stderr, result.json, action.json).",
                   [run, common](const auto& words) { return finish_run(*run, *common, words); },
                   /*takes_words=*/true});
  }
  {
    auto get = std::make_shared<GetOptions>();
    CLI::App* app = program.add_subcommand("get", "Fetch a file of machines, and check its hash");
    app->add_option("MACHINE", common->words,
                    "Machine id (40 hex digits) or exact name; the last word is the file's "
                    "absolute path on the machine");
    declare_targets(*app, *get, *common);
    app->add_flag("--json", get->json,
                  "Print one document about the file: {\"action\":…,\"file\":…}");
    app->add_option("-o,--output", get->output,
                    "Where it goes (default: its name); - for standard output. Of several "
                    "machines: a folder, in which each gets one with its name")
        ->type_name("FILE");
    out.push_back({app, "MACHINE… PATH [OPTIONS]",
                   "A download that breaks goes on where it was. Nothing stands under the file's "
                   "name until it is whole and has the hash that the machine told.",
                   [get, common](const auto&) { return finish_get(*get, *common); }});
  }
  auto put = std::make_shared<PutOptions>();
  CLI::App* app = program.add_subcommand("put", "Put a file on machines");
  app->add_option("MACHINE", common->words,
                  "Machine id (40 hex digits) or exact name; the last word is the file");
  app->add_option("--name", put->name,
                  "Name on the machine and in the library (default: the file's)")
      ->type_name("NAME");
  app->add_flag("--from-library", put->from_library, "FILE is in the library already");
  declare_targets(*app, *put, *common);
  declare_print(*app, *put, "Print one document: {\"action\":…}");
  out.push_back({app, "MACHINE… FILE [OPTIONS]",
                 "The file goes through the library, replacing one of its name, into the action's "
                 "working folder. How long that stays is the server's setting kept_until: with "
                 "\"end\" use run --put, which runs a script beside the file.",
                 [put, common](const auto&) { return finish_put(*put, *common); }});
}

}  // namespace reachback::cli
