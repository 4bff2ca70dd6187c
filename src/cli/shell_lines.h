// Where the lines of a session come from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/shell_words.h"

namespace reachback::cli {

class LineReader {
 public:
  static constexpr std::size_t kLineBytesMax = 64 << 10;

  virtual ~LineReader() = default;
  // nullopt: the end. prompt: for people. Errors: timed_out (it was told to stop), too_large, io.
  virtual Result<std::optional<std::string>> next(const std::string& prompt) = 0;
};

// Asked four times a second while a reader waits: a signal came.
using ShouldStop = std::function<bool()>;

// Those of the command line; each may hold several.
std::unique_ptr<LineReader> given_lines(const std::vector<std::string>& lines);
// Those of a pipe or a file. No prompt.
std::unique_ptr<LineReader> plain_lines(int fd, ShouldStop should_stop);
// Those that somebody types, on standard input, with a history that is kept in memory only.
// Errors: io (the terminal is none).
Result<std::unique_ptr<LineReader>> typed_lines(ShouldStop should_stop, Completer completer);

// Until there is something to read. false: should_stop says so.
bool wait_for_input(int fd, const ShouldStop& should_stop);

}  // namespace reachback::cli
