#include "cli/cli.h"

#include <csignal>
#include <type_traits>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace reachback::cli {
namespace {

std::unique_ptr<Tokens> tokens_of(const Config& config) {
  return config.client_secret.empty() ? login_tokens(config, unix_now_s)
                                      : application_tokens(config);
}

// Chooses the subcommand.
struct Dispatch {
  Api& api;
  const Terminal& terminal;
  const Config& config;

  Result<int> operator()(const MachinesOptions& o) const { return machines(api, terminal, o); }
  Result<int> operator()(const RunOptions& o) const { return run(api, terminal, o); }
  Result<int> operator()(const GetOptions& o) const { return get(api, terminal, o); }
  Result<int> operator()(const PutOptions& o) const { return put(api, terminal, o); }
  Result<int> operator()(const ShellOptions& o) const { return shell(api, terminal, o); }
  Result<int> operator()(const ShowOptions& o) const { return show(api, terminal, o); }
  Result<int> operator()(const CancelOptions& o) const { return cancel(api, terminal, o); }
  Result<int> operator()(const ResultOptions& o) const { return result(api, terminal, o); }
  Result<int> operator()(const ActionsOptions& o) const { return actions(api, terminal, o); }
  Result<int> operator()(const LibraryUploadOptions& o) const {
    return library_upload(api, terminal, o);
  }
  Result<int> operator()(const LibraryListOptions& o) const {
    return library_list(api, terminal, o);
  }
  Result<int> operator()(const LibraryDeleteOptions& o) const {
    return library_delete(api, terminal, o);
  }
  Result<int> operator()(const LoginOptions& o) const { return login(api, terminal, config, o); }
  Result<int> operator()(const LogoutOptions& o) const { return logout(api, config, o); }
  Result<int> operator()(const WhoamiOptions& o) const { return whoami(api, terminal, o); }
  // Those need no server: perform() has done them.
  Result<int> operator()(const ShowText&) const { return 0; }
  Result<int> operator()(const VerifyOptions&) const { return 0; }
  Result<int> operator()(const CompletionOptions&) const { return 0; }
  Result<int> operator()(const CompleteOptions&) const { return 0; }
};

// Where -o says that standard output goes; empty: nowhere else.
std::string output_of(const Invocation& invocation) {
  if (const auto* run = std::get_if<RunOptions>(&invocation); run && !run->targets.is_one()) {
    return {};  // a folder for the results
  }
  return std::visit(
      [](const auto& options) -> std::string {
        if constexpr (std::is_base_of_v<PrintOptions, std::decay_t<decltype(options)>>) {
          return options.output == "-" ? std::string() : options.output;
        } else {
          return {};
        }
      },
      invocation);
}

Result<Config> config_for(const Invocation& invocation) {
  if (const auto* login = std::get_if<LoginOptions>(&invocation)) {
    std::map<std::string, std::string> given;
    for (const auto& [name, value] :
         {std::pair("url", login->url), std::pair("tenant", login->tenant),
          std::pair("client_id", login->client_id), std::pair("ca", login->ca)}) {
      if (!value.empty()) {
        given[name] = value;
      }
    }
    return load_config(process_environment(), Need::to_sign_in, given);
  }
  return load_config(process_environment(), std::holds_alternative<LogoutOptions>(invocation)
                                                ? Need::a_login
                                                : Need::everything);
}

// The commands that must be able to say something after Ctrl-C.
bool watches_interrupts(const Invocation& invocation) {
  return std::holds_alternative<RunOptions>(invocation) ||
         std::holds_alternative<GetOptions>(invocation) ||
         std::holds_alternative<PutOptions>(invocation) ||
         std::holds_alternative<ShellOptions>(invocation);
}

Result<int> ask_server(const Invocation& invocation) {
  RB_TRY_ASSIGN(const Config config, config_for(invocation));
  for (const std::string& warning : config.warnings) {
    complain("warning: " + warning);
  }
  RB_TRY_ASSIGN(std::unique_ptr<Api> api,
                Api::create(config, tokens_of(config), watches_interrupts(invocation)));
  auto outcome = std::visit(Dispatch{*api, Terminal::of_process(), config}, invocation);
  if (!outcome.ok() && api->interrupted()) {
    complain("interrupted: if an action was started, reachback actions lists it");
    return kExitInterrupted;
  }
  return outcome;
}

Result<int> perform(const Invocation& invocation) {
  if (const auto* text = std::get_if<ShowText>(&invocation)) {
    RB_TRY(write_out(text->text));
    return 0;
  }
  if (const auto* offline = std::get_if<VerifyOptions>(&invocation)) {
    return verify(*offline);
  }
  if (const auto* script = std::get_if<CompletionOptions>(&invocation)) {
    return completion(*script);
  }
  if (const auto* words = std::get_if<CompleteOptions>(&invocation)) {
    return complete_words(
        []() -> Result<std::unique_ptr<Api>> {
          RB_TRY_ASSIGN(const Config config, load_config(process_environment()));
          return Api::create(config, tokens_of(config), /*watch_interrupts=*/false);
        },
        *words);
  }
  return ask_server(invocation);
}

// With -o, only what is whole gets the file's name.
Result<int> perform_into(const std::string& output, const Invocation& invocation) {
  if (output.empty()) {
    return perform(invocation);
  }
  RB_TRY_ASSIGN(OutputFile file, OutputFile::begin(output));
  auto outcome = perform(invocation);
  if (outcome.ok()) {
    RB_TRY(file.keep());
  }
  return outcome;
}

}  // namespace

int exit_of(const Error& error) {
  return error.code == Errc::unavailable ? kExitUnreachable : kExitOther;
}

int run_cli(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // A closed pipe is an error of write() like others.
  auto invocation =
      parse_arguments(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  auto outcome = invocation.ok() ? perform_into(output_of(*invocation), *invocation)
                                 : Result<int>(invocation.error());
  if (outcome.ok()) {
    return *outcome;
  }
  if (!outcome.error().message.empty()) {  // empty: whoever read our output has gone
    complain(outcome.error().message);
  }
  return exit_of(outcome.error());
}

}  // namespace reachback::cli
