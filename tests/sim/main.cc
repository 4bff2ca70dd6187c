// reachback-sim: runs worlds from seeds, checks their histories, and says what broke and how to see
// it again. reachback-sim check FILE reads the history of a run of real processes.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/log.h"
#include "base/variant.h"
#include "world.h"

namespace reachback::sim {
namespace {

using Steady = std::chrono::steady_clock;

struct Wish {
  std::uint64_t seed = 0, first = 1, seeds = 0;
  double minutes = 0;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  bool trace = false, log = false, all_variants = false;
  std::string variant;
};

using Counts = std::map<std::string, std::uint64_t>;
struct Totals {
  Counts numbers, faults, checked, ends;
};

void add(Counts& to, const Counts& from) {
  for (const auto& [name, n] : from) {
    to[name] += n;
  }
}

void add(Totals& totals, const WorldOutcome& world) {
  add(totals.faults, world.faults);
  add(totals.checked, world.checked);
  add(totals.ends, world.ends);
  std::uint64_t faults = 0;
  for (const auto& [kind, n] : world.faults) {
    faults += n;
  }
  add(totals.numbers, {{"seeds", 1},
                       {"events", world.events},
                       {"actions", world.actions},
                       {"starts", world.starts},
                       {"quarantines", world.quarantines},
                       {"faults", faults}});
}

// From one worker process to the parent: a name and a number a line.
void write_totals(std::FILE* out, const Totals& t) {
  for (const auto& [group, counts] : {std::pair{'n', &t.numbers}, std::pair{'f', &t.faults},
                                      std::pair{'c', &t.checked}, std::pair{'e', &t.ends}}) {
    for (const auto& [name, n] : *counts) {
      fmt::print(out, "{}{}\t{}\n", group, name, n);
    }
  }
}

void read_totals(std::FILE* in, Totals& t) {
  char* line = nullptr;
  std::size_t size = 0;
  while (::getline(&line, &size, in) > 0) {
    const std::string_view text(line);
    const auto tab = text.find('\t');
    if (tab == std::string_view::npos || tab == 0) {
      continue;
    }
    Counts& counts = text[0] == 'n'   ? t.numbers
                     : text[0] == 'f' ? t.faults
                     : text[0] == 'c' ? t.checked
                                      : t.ends;
    counts[std::string(text.substr(1, tab - 1))] += std::strtoull(line + tab + 1, nullptr, 10);
  }
  std::free(line);
}

std::string listed(const Counts& counts) {
  std::string out;
  for (const auto& [name, n] : counts) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, n);
  }
  return out;
}

void say(Totals& t, double seconds) {
  Counts& n = t.numbers;
  fmt::print(
      "sim: {} seeds in {:.1f} s ({:.0f} a second), {} faults ({:.0f} a second), {} actions, "
      "{} starts of commands, {} quarantines, {} events: 0 violations\n",
      n["seeds"], seconds, static_cast<double>(n["seeds"]) / seconds, n["faults"],
      static_cast<double>(n["faults"]) / seconds, n["actions"], n["starts"], n["quarantines"],
      n["events"]);
  fmt::print("sim: ends: {}\nsim: faults: {}\nsim: looked at: {}\n", listed(t.ends),
             listed(t.faults), listed(t.checked));
}

double since(Steady::time_point began) {
  return std::chrono::duration<double>(Steady::now() - began).count();
}

// Every jobs-th seed from `number` on. False: an invariant is broken, and it has said which.
bool run_worlds(const Wish& wish, unsigned number, unsigned jobs, Totals& totals) {
  const auto began = Steady::now();
  const std::uint64_t first = wish.seed != 0 ? wish.seed : wish.first;
  const std::uint64_t seeds = wish.seed != 0 ? 1 : wish.seeds;
  for (std::uint64_t i = number; seeds == 0 || i < seeds; i += jobs) {
    if (wish.minutes > 0 && since(began) > wish.minutes * 60) {
      break;
    }
    WorldOptions options;
    options.seed = first + i;
    options.trace = wish.trace;
    options.excuse_quarantines = !wish.variant.empty();
    const WorldOutcome world = run_world(options);
    add(totals, world);
    if (wish.seed != 0) {
      fmt::print("sim: seed {}: history {:016x}\n", wish.seed, world.digest);
    }
    if (!world.violations.empty()) {
      const std::size_t shown = std::min<std::size_t>(world.violations.size(), 3);
      for (std::size_t v = 0; v < shown; ++v) {
        fmt::print("sim: seed {}: {} broken at event {}: {}\n", options.seed,
                   world.violations[v].invariant, world.violations[v].event + 1,
                   world.violations[v].why);
      }
      fmt::print("sim: after {:.1f} s; see it again: ./dev sim --seed {} --trace{}\n", since(began),
                 options.seed, wish.variant.empty() ? "" : " --variant " + wish.variant);
      return false;
    }
  }
  return true;
}

int run(const Wish& wish) {
  set_variant(wish.variant);
  const auto began = Steady::now();
  Totals totals;
  const unsigned jobs = wish.seed != 0 ? 1 : wish.jobs;
  std::vector<std::pair<pid_t, std::FILE*>> workers;
  std::fflush(stdout);
  for (unsigned i = 0; i < jobs; ++i) {
    int pipe[2];
    if (::pipe(pipe) != 0) {
      std::perror("reachback-sim: pipe");
      return 2;
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(pipe[0]);
      Totals mine;
      const bool holds = run_worlds(wish, i, jobs, mine);
      std::fflush(stdout);
      std::FILE* out = ::fdopen(pipe[1], "w");
      write_totals(out, mine);
      std::fclose(out);
      ::_exit(holds ? 0 : 1);
    }
    ::close(pipe[1]);
    workers.emplace_back(pid, ::fdopen(pipe[0], "r"));
  }
  bool holds = true;
  for (auto& [pid, in] : workers) {
    read_totals(in, totals);
    std::fclose(in);
    int status = 0;
    ::waitpid(pid, &status, 0);
    holds = holds && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  if (holds) {
    say(totals, since(began));
  }
  return holds ? 0 : 1;
}

// Each shortcut must be noticed. 0: all were.
int run_variants(const Wish& wish) {
  int missed = 0;
  for (const std::string& variant : variants()) {
    set_variant(variant);
    const auto began = Steady::now();
    std::uint64_t seed = wish.first;
    WorldOutcome world;
    for (;; ++seed) {
      WorldOptions options;
      options.seed = seed;
      options.excuse_quarantines = true;
      world = run_world(options);
      if (!world.violations.empty() || since(began) > wish.minutes * 60) {
        break;
      }
    }
    if (world.violations.empty()) {
      ++missed;
      fmt::print("{:14} NOT noticed in {} seeds, {:.0f} s\n", variant, seed - wish.first + 1,
                 since(began));
    } else {
      fmt::print("{:14} {} at seed {}, {:.1f} s: {}\n", variant, world.violations[0].invariant,
                 seed, since(began), world.violations[0].why);
    }
    std::fflush(stdout);
  }
  return missed == 0 ? 0 : 1;
}

int check_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) {
    std::cerr << "reachback-sim: cannot read " << path << "\n";
    return 2;
  }
  Checker checker(CheckOptions{.expiry_slack_us = 30'000'000, .settle_us = 60'000'000});
  std::string line;
  while (std::getline(in, line)) {
    auto event = from_json(line);
    if (!event) {
      std::cerr << "reachback-sim: not an event: " << line << "\n";
      return 2;
    }
    checker.read(*event);
  }
  for (const Violation& v : checker.violations()) {
    fmt::print("{} at event {}: {}\n", v.invariant, v.event + 1, v.why);
  }
  fmt::print("check: {} events, {} violations; looked at: {}\n", checker.events(),
             checker.violations().size(), listed(checker.checked()));
  return checker.violations().empty() ? 0 : 1;
}

}  // namespace
}  // namespace reachback::sim

int main(int argc, char** argv) {
  using namespace reachback::sim;
  CLI::App app("Worlds of servers, agents and faults on a simulated clock, each from one seed.");
  Wish wish;
  app.add_option("--seed", wish.seed, "this seed only");
  app.add_option("--seeds", wish.seeds, "how many seeds (2000)");
  app.add_option("--first", wish.first, "the first of them (1)");
  app.add_option("--minutes", wish.minutes, "for so long");
  app.add_option("--jobs", wish.jobs, "worlds at a time (one for each processor)")
      ->check(CLI::Range(1, 256));
  app.add_flag("--trace", wish.trace, "every event, a line each");
  app.add_flag("--log", wish.log, "what the programs log, too");
  app.add_option("--variant", wish.variant, "with a shortcut that is wrong on purpose")
      ->check(CLI::IsMember(variants()));
  app.add_flag("--variants", wish.all_variants, "each of them in turn, until it is noticed");
  std::string file;
  auto* check = app.add_subcommand("check", "reads a history, a JSON event a line");
  check->add_option("FILE", file)->required();
  CLI11_PARSE(app, argc, argv);
  reachback::set_log_level(wish.log ? reachback::LogLevel::debug : reachback::LogLevel::off);
  if (check->parsed()) {
    return check_file(file);
  }
  if (wish.all_variants) {
    wish.minutes = wish.minutes > 0 ? wish.minutes : 10;
    return run_variants(wish);
  }
  if (wish.seed == 0 && wish.seeds == 0 && wish.minutes == 0) {
    wish.seeds = 2000;
  }
  return run(wish);
}
