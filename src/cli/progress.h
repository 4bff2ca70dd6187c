// Progress for people at a terminal: a bar for bytes, a board of lines for machines. What is shown
// is made by pure functions; on standard error, and nowhere when that is no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cli/terminal.h"

namespace reachback::cli {

// "12.3 MiB"
std::string byte_text(double bytes);

// One line of at most `columns` columns: "x.log  45%  12.3 MiB of 27.0 MiB  3.1 MiB/s  [####----]";
// without a total no share and no bar.
std::string bar_line(const std::string& name, std::uint64_t bytes,
                     std::optional<std::uint64_t> total, double seconds, std::size_t columns);

// The lines of a board that fit into `rows`, the last one a summary: those that are under way
// first, then what ended last.
struct BoardLine {
  std::string name;
  std::string text;
  bool is_over = false;
  bool is_good = false;
};
std::vector<std::string> board_lines(const std::vector<BoardLine>& machines, std::size_t columns,
                                     std::size_t rows, const Terminal& terminal);

struct Window {
  std::size_t columns = 80, rows = 24;
};
Window window_of(int fd);

// The bar of one transfer, drawn ten times a second at most, gone at its end.
class Meter {
 public:
  Meter(const Terminal& terminal, std::string name);
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;
  void show(std::uint64_t bytes, std::optional<std::uint64_t> total);

 private:
  using Clock = std::chrono::steady_clock;
  const bool is_shown_;
  const std::string name_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_;
  bool has_drawn_ = false;
};

// The lines of several machines. On a terminal they are drawn in place; elsewhere each machine's
// end is a line. Thread-safe.
class Board {
 public:
  Board(const Terminal& terminal, std::vector<std::string> names);
  ~Board() { clear(); }
  void set(std::size_t machine, std::string text);
  void end(std::size_t machine, std::string text, bool is_good);
  // Takes the lines away while something else is printed; the next change draws them again.
  void clear();

 private:
  void draw() RB_REQUIRES(mutex_);
  void erase() RB_REQUIRES(mutex_);
  const Terminal terminal_;
  Mutex mutex_;
  std::vector<BoardLine> lines_ RB_GUARDED_BY(mutex_);
  std::size_t drawn_ RB_GUARDED_BY(mutex_) = 0;
};

}  // namespace reachback::cli
