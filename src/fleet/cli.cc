#include "fleet/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "fleet/addresses.h"
#include "fleet/fleet.h"

namespace reachback::fleet {
namespace {

constexpr int kBelieved = 3;

int fail(const std::string& why) {
  std::fprintf(stderr, "reachback-fleet: %s\n", why.c_str());
  return 1;
}

Duration from_ms(std::int64_t ms) {
  return std::chrono::milliseconds(ms);
}

// Text of the options that take more than a value.
struct Words {
  std::string mix = "instant";
  std::string log = "error";
  std::int64_t seconds = 0;
  std::int64_t slow_min_ms = 1000;
  std::int64_t slow_max_ms = 10'000;
  std::int64_t chatty_ms = 5000;
  std::int64_t flap_ms = 5000;
  bool as_json = false;
};

void add_options(CLI::App& app, FleetOptions& options, Words& words) {
  const auto ms = CLI::Range(std::int64_t{1}, std::int64_t{86'400'000});
  app.add_option("--state", options.state_folder, "Folder of the fleet's keys, made if needed")
      ->required();
  app.add_option("--agents", options.agents, "How many")
      ->required()
      ->check(CLI::Range(std::size_t{1}, kSourcesMax));
  app.add_option("--server", options.server,
                 "https://HOST:PORT of the agents' listener; kept in the folder");
  app.add_option("--ca", options.ca_file, "PEM file of the organisation's CA; kept in the folder");
  app.add_option("--token", options.token,
                 "Enrollment token, good for as many uses as agents are new; kept in the folder");
  app.add_option("--behave", words.mix,
                 "Shares of instant, slow, chatty, big, flapping, lying: \"instant=90,slow=10\"");
  app.add_option("--threads", options.threads, "Event loops (1)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{16}));
  app.add_option("--connecting", options.connecting, "Connections made at once at the start (64)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}));
  app.add_option("--sources", options.sources,
                 "Addresses of 127.0.0.0/8 that agents come from, where the server has one of "
                 "those (one for each)")
      ->check(CLI::Range(std::size_t{1}, kSourcesMax));
  app.add_option("--slow-min-ms", words.slow_min_ms, "slow: a script takes at least (1000)")
      ->check(ms);
  app.add_option("--slow-max-ms", words.slow_max_ms, "slow: at most (10000)")->check(ms);
  app.add_option("--chatty-ms", words.chatty_ms, "chatty: a script takes (5000)")->check(ms);
  app.add_option("--big-bytes", options.pace.big_bytes, "big: a script writes (8388608)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 30));
  app.add_option("--flap-ms", words.flap_ms, "flapping: connected for, on average (5000)")
      ->check(ms);
  app.add_option("--seconds", words.seconds, "End after so long (until SIGTERM or SIGINT)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{86'400 * 30}));
  app.add_flag("--enroll-only", options.enroll_only, "Enrol them and end");
  app.add_flag("--json", words.as_json, "The line a second goes to standard output, not error");
  app.add_option("--log", words.log, "What the agents say, on standard error (error)")
      ->check(CLI::IsMember({"info", "warning", "error", "off"}));
}

LogLevel level_of(const std::string& word) {
  return word == "info"      ? LogLevel::info
         : word == "warning" ? LogLevel::warning
         : word == "error"   ? LogLevel::error
                             : LogLevel::off;
}

}  // namespace

int run_cli(int argc, char** argv) {
  CLI::App app(
      "Reachback fleet: many simulated agents in one process, for tests and for sizing a server");
  app.set_version_flag("--version", REACHBACK_VERSION);
  FleetOptions options;
  Words words;
  add_options(app, options, words);
  CLI11_PARSE(app, argc, argv);
  const auto mix = parse_mix(words.mix);
  if (!mix.ok()) {
    return fail("--behave " + words.mix + ": " + mix.error().message);
  }
  if (words.slow_max_ms < words.slow_min_ms) {
    return fail("--slow-max-ms is less than --slow-min-ms");
  }
  options.mix = *mix;
  options.pace.slow_min = from_ms(words.slow_min_ms);
  options.pace.slow_max = from_ms(words.slow_max_ms);
  options.pace.chatty_for = from_ms(words.chatty_ms);
  options.pace.flap_mean = from_ms(words.flap_ms);
  options.run_for = std::chrono::seconds(words.seconds);
  set_log_level(level_of(words.log));
  const auto end = run_fleet(options, words.as_json ? stdout : stderr);
  if (!end.ok()) {
    return fail(end.error().message);
  }
  if (*end == FleetEnd::lie_believed) {
    fail("the server believed a lie (lies.believed of the last line)");
    return kBelieved;
  }
  return 0;
}

}  // namespace reachback::fleet
