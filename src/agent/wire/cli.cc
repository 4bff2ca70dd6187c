#include "agent/wire/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "agent/builtin/builtin.h"
#include "agent/collect/collect.h"
#include "agent/command/fetch_file.h"
#include "agent/os_linux/network_launcher.h"
#include "agent/wire/commands.h"
#include "agent/wire/network.h"
#include "json/json.h"

namespace reachback::agent {
namespace {

int fail(const std::string& command, const Error& error) {
  std::fprintf(stderr, "reachback-agent %s: %s\n", command.c_str(), error.message.c_str());
  return 1;
}

void print(const json::Object& object) {
  std::printf("%s\n", json::write(object).c_str());
}

int enroll_command(const EnrollOptions& options, bool as_json) {
  auto machine = enroll(options);
  if (!machine.ok()) {
    return fail("enroll", machine.error());
  }
  if (as_json) {
    print({{"machineId", *machine}});
  } else {
    std::printf("%s\n", machine->c_str());
  }
  return 0;
}

int status_command(const std::string& state_folder, bool as_json) {
  auto status = read_status(state_folder);
  if (!status.ok()) {
    return fail("status", status.error());
  }
  json::Object object{
      {"machineId", status->machine},     {"tenantId", status->tenant},
      {"server", status->server},         {"hostName", status->host_name},
      {"running", status->is_running},    {"journal", status->journal},
      {"generation", status->generation}, {"unfinishedActions", status->unfinished}};
  if (status->is_running) {
    object["policy"] = status->facts.policy;
    object["networkProcess"] = status->facts.network;
    object["scriptLimits"] = status->facts.limits;
  }
  if (as_json) {
    print(object);
    return 0;
  }
  for (const auto& [key, value] : object) {
    const std::string text =
        value.is_string() ? std::string(value.as_string()) : json::write(value);
    std::printf("%-18s %s\n", std::string(key).c_str(), text.c_str());
  }
  return 0;
}

int sign_command(const std::string& key_file, bool is_new, const std::string& script,
                 const std::string& out) {
  if (is_new) {
    auto key = make_signing_key(key_file);
    if (!key.ok()) {
      return fail("sign", key.error());
    }
    std::printf("%s\n", key->c_str());
  }
  auto made = script.empty() ? Result<void>() : sign_script_file(key_file, script, out);
  return made.ok() ? 0 : fail("sign", made.error());
}

}  // namespace

int run_cli(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == kNetworkCommand) {
    return run_network(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == kFetchCommand) {
    return run_fetch(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == kBuiltInCommand) {
    return run_built_in(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == kCollectCommand) {
    return run_collect(argc, argv);
  }
  CLI::App app("Reachback agent: runs live-response actions on this machine");
  app.set_version_flag("--version", REACHBACK_VERSION);
  app.require_subcommand(1);
  EnrollOptions options;
  std::string state_folder;
  bool as_json = false;

  auto* enroll_app = app.add_subcommand("enroll", "Make this machine known to a server");
  enroll_app->add_option("--server", options.server, "https://HOST:PORT of the agents' listener")
      ->required();
  enroll_app->add_option("--ca", options.ca_file, "PEM file of the organisation's CA")->required();
  enroll_app->add_option("--token", options.token, "Enrollment token")->required();
  enroll_app->add_option("--state", options.state_folder, "State folder, made if needed")
      ->required();
  enroll_app->add_option("--name", options.host_name, "Name to be known by (the host name)");
  enroll_app->add_flag("--json", as_json, "Print a JSON object");

  auto* run_app = app.add_subcommand("run", "Serve actions until told to stop");
  run_app->add_option("--state", state_folder, "State folder")->required();

  auto* status_app = app.add_subcommand("status", "Say what this agent is and does");
  status_app->add_option("--state", state_folder, "State folder")->required();
  status_app->add_flag("--json", as_json, "Print a JSON object");

  std::string key_file, script, out;
  bool is_new_key = false;
  auto* sign_app = app.add_subcommand("sign", "Sign a script for machines that want signed ones");
  sign_app->add_option("--key", key_file, "PEM file of the library-signing key")->required();
  sign_app->add_flag("--new-key", is_new_key, "Make the key; print it as policy.toml names it");
  sign_app->add_option("script", script, "The script; its signature becomes its last line");
  sign_app->add_option("-o,--output", out, "Where the signed script goes (the script's own file)");

  CLI11_PARSE(app, argc, argv);
  if (*enroll_app) {
    return enroll_command(options, as_json);
  }
  if (*status_app) {
    return status_command(state_folder, as_json);
  }
  if (*sign_app) {
    return sign_command(key_file, is_new_key, script, out);
  }
  auto ended = run(state_folder);
  return ended.ok() ? 0 : fail("run", ended.error());
}

}  // namespace reachback::agent
