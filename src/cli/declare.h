// How the commands are told to CLI11, a file for each kind of them. Only arguments.cc and the
// declare_*.cc include this.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

namespace reachback::cli {

struct Declared {
  CLI::App* app = nullptr;
  std::string synopsis;
  std::string notes;
  // After a good parse. words: those after "--".
  std::function<Result<Invocation>(const std::vector<std::string>& words)> finish;
  bool takes_words = false;
};

void declare_running(CLI::App& program, std::vector<Declared>& out);  // run, get, put
void declare_actions(CLI::App& program, std::vector<Declared>& out);  // machines, show, cancel, …
void declare_shell(CLI::App& program, std::vector<Declared>& out);
void declare_library(CLI::App& program, std::vector<Declared>& out);
void declare_people(CLI::App& program, std::vector<Declared>& out);  // login, completion, …

void declare_print(CLI::App& app, PrintOptions& options, const char* json_help);
inline constexpr const char* kApiJson = "Print the API's JSON, compact, as one document";

Error usage(std::string what);

}  // namespace reachback::cli
