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

// Of every command that prints something.
struct PrintOptions {
  bool json = false;
  std::string output;  // -o: where standard output goes; empty or "-": there
};

// Which machines are meant.
struct TargetOptions {
  std::vector<std::string> machines;  // ids or names
  std::vector<std::string> tags;      // machines with any of them
  std::string filter;                 // OData; with tags: that fit both
  std::string file;                   // a line for each id or name; "-": standard input
  int parallel = 16;

  // One machine, by its name: its answer is the command's own.
  bool is_one() const {
    return machines.size() == 1 && tags.empty() && filter.empty() && file.empty();
  }
};

// Of commands that start an action.
struct ActionOptions : PrintOptions {
  TargetOptions targets;
  std::string comment;
  std::optional<Duration> timeout;  // of the waiting
  bool cancel_on_interrupt = false;
};

struct ShowText {  // --help, --version
  std::string text;
};
struct MachinesOptions : PrintOptions {
  std::vector<std::string> tags;
  std::string filter;
};
struct RunOptions : ActionOptions {
  std::string script;             // library name; empty: the base name of `file`
  std::string file;               // uploaded first when not empty
  std::vector<std::string> args;  // the words after --
  std::vector<std::string> puts;  // library files for the script's folder
  bool no_wait = false;
  bool no_live = false;
  bool raw = false;
};
struct GetOptions : ActionOptions {
  std::string path;  // on the machine
  std::string file;  // where it goes; "-": standard output; of several machines: a folder
};
struct PutOptions : ActionOptions {
  std::string file;           // uploaded first
  std::string name;           // in the library
  bool from_library = false;  // it is there already: nothing is uploaded
};
struct ShellOptions {
  std::string machine;  // id or name
  std::string comment;
  std::vector<std::string> lines;  // instead of standard input
  bool keep_going = false;
  bool take_over = false;
  bool json = false;
};
struct ShowOptions : PrintOptions {
  ActionId id;
  bool receipts = false;  // the API's document of them instead of the action
};
struct CancelOptions : PrintOptions {
  ActionId id;
  std::string comment;
};
struct ResultOptions {
  ActionId id;
  int index = 0;
  std::string file;  // empty: standard output, readable; "-": standard output, as it is
  bool raw = false;
  bool json = false;
  std::string receipts;  // where to put the action's receipts; empty: nowhere
};
struct VerifyOptions : PrintOptions {
  std::string result;
  std::vector<std::string> receipts;  // empty: the result's name with ".receipts"
  std::string machine_key;            // empty: the receipts' own, which is self-certifying
  std::string machine;                // the id that must have signed; empty: any
};
struct ActionsOptions : PrintOptions {
  std::optional<int> top;
  std::string filter;
};
struct LibraryUploadOptions : PrintOptions {
  std::string file;
  std::string name;  // empty: the base name of `file`
  std::string description;
  std::string parameters_description;
  bool has_parameters = false;
  bool replace = false;
};
struct LibraryListOptions : PrintOptions {};
struct LibraryDeleteOptions : PrintOptions {
  std::string name;
};
struct LoginOptions : PrintOptions {
  std::string url, tenant, client_id, ca;  // empty: as configured
};
struct LogoutOptions : PrintOptions {};
struct WhoamiOptions : PrintOptions {};
struct CompletionOptions : PrintOptions {
  std::string shell;
};
// What a shell asks while somebody types: the words so far, the last one not finished.
struct CompleteOptions {
  std::vector<std::string> words;
};

using Invocation =
    std::variant<ShowText, MachinesOptions, RunOptions, GetOptions, PutOptions, ShellOptions,
                 ShowOptions, CancelOptions, ResultOptions, VerifyOptions, ActionsOptions,
                 LibraryUploadOptions, LibraryListOptions, LibraryDeleteOptions, LoginOptions,
                 LogoutOptions, WhoamiOptions, CompletionOptions, CompleteOptions>;

// argv without the program's name. Errors: invalid_input, ready to be shown.
Result<Invocation> parse_arguments(std::vector<std::string> words);

// "90", "90s", "10m", "2h": more than nothing, at most a week. Errors: invalid_input.
Result<Duration> parse_duration(std::string_view text);

// The name a file gets in the library: what follows the last slash. Errors: invalid_input (empty,
// or with other characters than letters, digits, `-`, `_` and `.`; Source: mde-spec.md §8.2).
Result<std::string> library_name(std::string_view path);

}  // namespace reachback::cli
