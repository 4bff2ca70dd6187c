// The output of scripts: where it goes, and how it is read from a result.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "cli/live.h"
#include "cli/result_file.h"
#include "cli/terminal.h"
#include "cli/transfer.h"

namespace reachback::cli {

using ScriptSink = std::function<Result<void>(ScriptStream, std::string_view)>;

// One script's streams on standard output and standard error; escaped where that is a terminal,
// unless raw.
class ScriptPrinter {
 public:
  ScriptPrinter(const Terminal& terminal, bool raw)
      : filters_output_(terminal.out_is_terminal && !raw),
        filters_errors_(terminal.err_is_terminal && !raw) {}
  Result<void> print(ScriptStream stream, std::string_view piece);
  Result<void> finish();  // what was held back

 private:
  const bool filters_output_, filters_errors_;
  TextFilter output_, errors_;
};

// The same for one of several machines: every line begins with its name, and is a whole line.
class NamedLines {
 public:
  NamedLines(const Terminal& terminal, const std::string& name);
  Result<void> print(ScriptStream stream, std::string_view piece);
  Result<void> finish();

 private:
  struct Stream {
    bool is_filtered = false;
    bool is_in_line = false;
    TextFilter filter;
  };
  Result<void> write(ScriptStream stream, Stream& to, const std::string& text) const;
  std::string prefix_;
  Stream output_, errors_;
};

struct ScriptResult {
  std::optional<std::int64_t> exit_code;
};
// Passes the streams of the result behind the link to `sink`. shown: what the live view showed is
// not passed again; may be null. Errors: those of the sink, as Api::download(), corrupt.
Result<ScriptResult> read_script_result(Api& api, const Mint& mint, const ScriptSink& sink,
                                        ShownText* shown = nullptr, Meter* meter = nullptr);
// The same of a result that was downloaded.
Result<ScriptResult> read_script_file(int fd, const ScriptSink& sink);

// Standard output or standard error.
Result<void> write_stream(ScriptStream stream, std::string_view bytes);
// The bytes of a file on standard output.
Result<void> print_file(int fd);

}  // namespace reachback::cli
