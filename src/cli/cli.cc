#include "cli/cli.h"

#include <csignal>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/terminal.h"

namespace reachback::cli {
namespace {

int exit_of(const Error& error) {
  return error.code == Errc::unavailable ? kExitUnreachable : kExitOther;
}

// Chooses the subcommand.
struct Dispatch {
  Api& api;
  const Terminal& terminal;

  Result<int> operator()(const ShowText& o) const {
    RB_TRY(write_out(o.text));
    return 0;
  }
  Result<int> operator()(const MachinesOptions& o) const { return machines(api, terminal, o); }
  Result<int> operator()(const RunOptions& o) const { return run(api, terminal, o); }
  Result<int> operator()(const GetOptions& o) const { return get(api, terminal, o); }
  Result<int> operator()(const ShowOptions& o) const { return show(api, terminal, o); }
  Result<int> operator()(const CancelOptions& o) const { return cancel(api, terminal, o); }
  Result<int> operator()(const ResultOptions& o) const { return result(api, terminal, o); }
  Result<int> operator()(const VerifyOptions& o) const { return verify(o); }
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
};

Result<int> perform(const Invocation& invocation) {
  if (const auto* text = std::get_if<ShowText>(&invocation)) {
    RB_TRY(write_out(text->text));
    return 0;
  }
  if (const auto* offline = std::get_if<VerifyOptions>(&invocation)) {
    return verify(*offline);
  }
  RB_TRY_ASSIGN(Config config, load_config(process_environment()));
  for (const std::string& warning : config.warnings) {
    complain("warning: " + warning);
  }
  const bool watch_interrupts = std::holds_alternative<RunOptions>(invocation) ||
                                std::holds_alternative<GetOptions>(invocation);
  RB_TRY_ASSIGN(std::unique_ptr<Api> api, Api::create(config, watch_interrupts));
  Terminal terminal = Terminal::of_process();
  auto outcome = std::visit(Dispatch{*api, terminal}, invocation);
  if (!outcome.ok() && api->interrupted()) {
    complain("interrupted: if an action was started, reachback actions lists it");
    return kExitInterrupted;
  }
  return outcome;
}

}  // namespace

int run_cli(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // A closed pipe is an error of write() like others.
  auto invocation =
      parse_arguments(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  auto outcome = invocation.ok() ? perform(*invocation) : Result<int>(invocation.error());
  if (outcome.ok()) {
    return *outcome;
  }
  if (!outcome.error().message.empty()) {  // empty: whoever read our output has gone
    complain(outcome.error().message);
  }
  return exit_of(outcome.error());
}

}  // namespace reachback::cli
