#include <CLI/CLI.hpp>

#include "cli/declare.h"

namespace reachback::cli {

void declare_people(CLI::App& program, std::vector<Declared>& out) {
  {
    auto login = std::make_shared<LoginOptions>();
    CLI::App* app = program.add_subcommand("login", "Sign in as a user, in any browser");
    app->add_option("--url", login->url, "The server's public URL")->type_name("URL");
    app->add_option("--tenant", login->tenant, "The tenant's id (default: the server tells)")
        ->type_name("ID");
    app->add_option("--client-id", login->client_id,
                    "The application to sign in through, one without a secret (default: the "
                    "server tells)")
        ->type_name("ID");
    app->add_option("--ca", login->ca, "File with the CA's certificate")->type_name("FILE");
    declare_print(*app, *login, "Print one document: {\"user\":…,\"url\":…,\"tenant\":…}");
    out.push_back({app, "[OPTIONS]",
                   "Shows an address and a code, and waits until somebody has signed in there. "
                   "The tokens are kept in ~/.config/reachback/logins.json, which nobody else may "
                   "read, and renewed as needed. A client_secret that is set counts before them.",
                   [login](const auto&) -> Result<Invocation> { return Invocation(*login); }});
  }
  {
    auto logout = std::make_shared<LogoutOptions>();
    CLI::App* app = program.add_subcommand("logout", "End the sign-in, here and on the server");
    declare_print(*app, *logout, "Print one document: {\"user\":…,\"revoked\":true|false}");
    out.push_back({app, "[OPTIONS]", "",
                   [logout](const auto&) -> Result<Invocation> { return Invocation(*logout); }});
  }
  {
    auto whoami = std::make_shared<WhoamiOptions>();
    CLI::App* app = program.add_subcommand("whoami", "Say who asks, and what they may");
    declare_print(*app, *whoami,
                  "Print one document: {\"name\":…,\"application\":…,\"roles\":[…],"
                  "\"permissions\":[…],\"groups\":[…],\"expires\":…}");
    out.push_back({app, "[OPTIONS]", "",
                   [whoami](const auto&) -> Result<Invocation> { return Invocation(*whoami); }});
  }
  auto completion = std::make_shared<CompletionOptions>();
  CLI::App* app =
      program.add_subcommand("completion", "Print a script that completes words in a shell");
  app->add_option("SHELL", completion->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->add_option("-o,--output", completion->output, "Write it to this file")->type_name("FILE");
  out.push_back(
      {app, "SHELL",
       "bash: source <(reachback completion bash)\n"
       "zsh: source <(reachback completion zsh)\n"
       "fish: reachback completion fish | source",
       [completion](const auto&) -> Result<Invocation> { return Invocation(*completion); }});
}

}  // namespace reachback::cli
