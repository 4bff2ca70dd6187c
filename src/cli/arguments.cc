#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "cli/declare.h"
#include "cli/manual.h"

namespace reachback::cli {
namespace {

constexpr const char* kProgramHelp = "Runs live response on machines through a Reachback server.";
constexpr const char* kProgramNotes =
    R"(Where the server is and who asks, from the environment, ~/.config/reachback/config.toml, or what reachback login left:
  REACHBACK_URL            url            https://host:port, the server's public URL
  REACHBACK_TENANT         tenant         the tenant's id
  REACHBACK_CLIENT_ID      client_id      the application's id
  REACHBACK_CLIENT_SECRET  client_secret  its secret; without one, the user of reachback login asks
  REACHBACK_CA             ca             file with the CA's certificate

Exit status of run on one machine: the script's own (values above 255 become 255); otherwise
  125  an error of reachback: usage, configuration, a refusal by the server
  126  the action ended Failed, TimeOut or Cancelled, before the script ended by itself
  127  the server cannot be reached
  130  interrupted; the action goes on unless --cancel-on-interrupt is given
Of run, get and put on several machines: 0 all went well (every script ended with 0),
  1    every script ended by itself, some with another code than 0
  126  at least one machine did not get to the end; the summary says which and why
  125, 127, 130 as above
get and put: 0 when the file is there whole, 126 when the action ended without it.
shell: 0 when somebody typed; of given lines that of the first that failed, as of run. 125 when
the session ended under it.
verify: 0 when the file is proven, 1 when it is not. Every other command: 0, 125, 127 or 130.)";

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// CLI11's objects and where they write what they read.
struct CommandLine {
  CLI::App app{kProgramHelp, "reachback"};
  std::vector<Declared> commands;

  CommandLine() {
    app.require_subcommand(1);
    app.set_version_flag("--version", "reachback " REACHBACK_VERSION);
    declare_running(app, commands);
    declare_shell(app, commands);
    declare_actions(app, commands);
    declare_library(app, commands);
    declare_people(app, commands);
  }
};

OptionManual describe(const CLI::Option& option) {
  OptionManual out;
  for (const std::string& name : option.get_snames()) {
    out.words.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    out.words.push_back("--" + name);
  }
  const bool is_flag = option.get_items_expected_max() == 0;
  out.value = option.get_positional() ? option.get_single_name()
              : is_flag               ? ""
                        : option.get_type_name().substr(0, option.get_type_name().find(':'));
  out.help = option.get_description();
  out.repeats = option.get_items_expected_max() > 1;
  return out;
}

CommandManual describe(const CLI::App& app, const std::string& path,
                       const std::vector<Declared>& declared) {
  CommandManual out;
  out.name = path;
  out.help = app.get_description();
  for (const Declared& d : declared) {
    if (d.app == &app) {
      out.synopsis = d.synopsis;
      out.notes = d.notes;
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    auto& list = option->get_positional() ? out.words : out.options;
    list.push_back(describe(*option));
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) {
      out.commands.push_back(
          describe(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), declared));
    }
  }
  return out;
}

CommandManual describe(const CommandLine& line) {
  CommandManual out = describe(line.app, "", line.commands);
  out.synopsis = "COMMAND …";
  out.notes = kProgramNotes;
  return out;
}

// The command whose help is asked for: the deepest that was named.
std::string path_of(const CLI::App& app) {
  std::string out;
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    out += (out.empty() ? "" : " ") + at->get_name();
  }
  return out;
}

Result<Invocation> help_of(const CommandLine& line) {
  const CommandManual program = describe(line);
  const CommandManual* command = find_command(program, path_of(line.app));
  return Invocation(ShowText{help_text(command != nullptr ? *command : program)});
}

}  // namespace

Error usage(std::string what) {
  return Error{Errc::invalid_input, std::move(what)};
}

void declare_print(CLI::App& app, PrintOptions& options, const char* json_help) {
  app.add_flag("--json", options.json, json_help);
  app.add_option("-o,--output", options.output,
                 "Write to this file what would go to standard output; - for standard output")
      ->type_name("FILE");
}

CommandManual manual() {
  return describe(CommandLine());
}

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
  if (!words.empty() && words[0] == "__complete") {  // for shells, whatever the words look like
    return Invocation(CompleteOptions{{words.begin() + 1, words.end()}});
  }
  if (words == std::vector<std::string>{"__man"}) {  // for the build
    return Invocation(ShowText{man_page(manual())});
  }
  // Everything after the first -- belongs to the script, whatever it looks like.
  auto split = std::find(words.begin(), words.end(), "--");
  const bool has_args = split != words.end();
  const std::vector<std::string> args(has_args ? split + 1 : split, words.end());
  words.erase(split, words.end());

  CommandLine line;
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back.
  try {
    line.app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return help_of(line);
  } catch (const CLI::CallForAllHelp&) {
    return help_of(line);
  } catch (const CLI::CallForVersion&) {
    return Invocation(ShowText{"reachback " REACHBACK_VERSION "\n"});
  } catch (const CLI::ParseError& error) {
    const std::string path = path_of(line.app);
    return usage(one_line(error.what()) + ": see reachback " + path + (path.empty() ? "" : " ") +
                 "--help");
  }
  for (const Declared& command : line.commands) {
    if (!command.app->parsed() || !command.finish) {
      continue;
    }
    if (has_args && !command.takes_words) {
      return usage("only run takes words after --: see reachback --help");
    }
    return command.finish(args);
  }
  return usage("name a command: see reachback --help");
}

}  // namespace reachback::cli
