#include "agent/wire/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "agent/wire/commands.h"
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
  const json::Object object{
      {"machineId", status->machine},     {"tenantId", status->tenant},
      {"server", status->server},         {"hostName", status->host_name},
      {"running", status->is_running},    {"journal", status->journal},
      {"generation", status->generation}, {"unfinishedActions", status->unfinished}};
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

}  // namespace

int run_cli(int argc, char** argv) {
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

  CLI11_PARSE(app, argc, argv);
  if (*enroll_app) {
    return enroll_command(options, as_json);
  }
  if (*status_app) {
    return status_command(state_folder, as_json);
  }
  auto ended = run(state_folder);
  return ended.ok() ? 0 : fail("run", ended.error());
}

}  // namespace reachback::agent
