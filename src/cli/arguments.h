// The command line as values. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::cli {

struct ShowText {  // --help, --version
  std::string text;
};
struct MachinesOptions {
  bool json = false;
};
struct RunOptions {
  std::string machine;
  std::string script;             // library name; empty: the base name of `file`
  std::string file;               // uploaded first when not empty
  std::vector<std::string> args;  // the words after --
  std::vector<std::string> puts;  // library files for the script's folder
  std::string comment;
  std::optional<Duration> timeout;  // of the waiting
  bool no_wait = false;
  bool cancel_on_interrupt = false;
  bool raw = false;
  bool json = false;
};
struct GetOptions {
  std::string machine;
  std::string path;  // on the machine
  std::string file;  // where it goes; empty: the path's last part; "-": standard output
  std::string comment;
  std::optional<Duration> timeout;  // of the waiting
  bool cancel_on_interrupt = false;
};
struct ShowOptions {
  ActionId id;
  bool json = false;
  bool receipts = false;  // the API's document of them instead of the action
};
struct CancelOptions {
  ActionId id;
  std::string comment;
  bool json = false;
};
struct ResultOptions {
  ActionId id;
  int index = 0;
  std::string file;  // empty: standard output, readable; "-": standard output, as it is
  bool raw = false;
  std::string receipts;  // where to put the action's receipts; empty: nowhere
};
struct VerifyOptions {
  std::string result;
  std::vector<std::string> receipts;  // empty: the result's name with ".receipts"
  std::string machine_key;            // empty: the receipts' own, which is self-certifying
  std::string machine;                // the id that must have signed; empty: any
};
struct ActionsOptions {
  std::optional<int> top;
  bool json = false;
};
struct LibraryUploadOptions {
  std::string file;
  std::string name;  // empty: the base name of `file`
  std::string description;
  std::string parameters_description;
  bool has_parameters = false;
  bool replace = false;
};
struct LibraryListOptions {
  bool json = false;
};
struct LibraryDeleteOptions {
  std::string name;
};

using Invocation = std::variant<ShowText, MachinesOptions, RunOptions, GetOptions, ShowOptions,
                                CancelOptions, ResultOptions, VerifyOptions, ActionsOptions,
                                LibraryUploadOptions, LibraryListOptions, LibraryDeleteOptions>;

// argv without the program's name. Errors: invalid_input, ready to be shown.
Result<Invocation> parse_arguments(std::vector<std::string> words);

// "90", "90s", "10m", "2h": more than nothing, at most a week. Errors: invalid_input.
Result<Duration> parse_duration(std::string_view text);

// The name a file gets in the library: what follows the last slash. Errors: invalid_input (empty,
// or with other characters than letters, digits, `-`, `_` and `.`; Source: mde-spec.md §8.2).
Result<std::string> library_name(std::string_view path);

}  // namespace reachback::cli
