// Where the rows of a built-in command go, and its lines about what went wrong.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "agent/builtin/row.h"
#include "base/result.h"

namespace reachback::agent::builtin {

using Write = std::function<void(std::string_view)>;

// Rows are gathered up to 64 KiB or half a second, lines about failures are written at once.
class Output {
 public:
  Output(Write rows, Write notes) : rows_(std::move(rows)), notes_(std::move(notes)) {}

  void add(const Row& row);
  // To be called while a command works without finding anything.
  void flush_if_old();
  void flush();
  // One line, "<Word>: <path>: <why>": control characters in it are shown as \x0a. Told once,
  // however often a file is looked at.
  void note(std::string_view line);
  void note(const Error& error) { note(error.message); }

 private:
  using Moment = std::chrono::steady_clock::time_point;
  const Write rows_;
  const Write notes_;
  std::string gathered_;
  std::set<std::string> noted_;
  Moment flushed_ = std::chrono::steady_clock::now();
};

}  // namespace reachback::agent::builtin
