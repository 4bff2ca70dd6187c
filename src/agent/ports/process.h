// One script's process tree: started, watched, ended as a whole.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

// The number under which a started process finds the script's bytes: /proc/self/fd/3.
inline constexpr int kScriptFd = 3;

// The size of the window that a terminal is seen in, in characters.
struct TerminalWindow {
  std::uint32_t rows = 24;
  std::uint32_t columns = 80;
  friend bool operator==(const TerminalWindow&, const TerminalWindow&) = default;
};

struct ProcessSpec {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // argv, [0] included
  std::vector<std::string> environment;  // "NAME=value", complete: nothing is inherited
  std::string folder;                    // working folder
  int script_fd = -1;    // becomes kScriptFd in the process, the only one beside 0, 1, 2; -1: none
  int stdout_file = -1;  // where the streams are stored; open for writing, the caller's
  int stderr_file = -1;
  std::uint64_t output_bytes_max = 0;  // a stream: beyond it bytes are read, counted, not stored
  // Set: the process has a terminal of its own as 0, 1 and 2, the controlling one of its session.
  // What it shows is stored as standard output; for each piece of that the other file gets a line,
  // "<seconds since the last one> <bytes>", as scriptreplay(1) reads it.
  std::optional<TerminalWindow> terminal;
  // Called when more of a stream may stand in its file; between start() and `ended`. May be empty.
  std::function<void()> grown;
  // This program itself. Where the memory of a tree is bounded process by process, it is not: a
  // build with sanitizers bears no such limit. The bounds of a cgroup hold for it as for a script.
  bool is_own_program = false;
};

struct StreamCount {
  std::uint64_t seen = 0;
  std::uint64_t stored = 0;
  bool storage_full = false;  // the disk, not the cap, ended the storing
};

struct ProcessEnd {
  int exit_code = 0;    // 128 + n when ended by signal n
  bool killed = false;  // kill() ended it
  StreamCount out;
  StreamCount err;
};

// Runs one process tree at a time. Loop thread only.
class Processes {
 public:
  virtual ~Processes() = default;
  // ended: once, later, from the loop; by then no process of the tree is left.
  // Errors: whatever keeps the program from starting; the message says what. Nothing ran then.
  virtual Result<void> start(const ProcessSpec& spec, std::function<void(ProcessEnd)> ended) = 0;
  // Types into the terminal of what runs: how many of the bytes it took. Fewer than there are: it
  // holds as much as it can until its program reads. No terminal: 0.
  virtual std::size_t type(std::string_view bytes) = 0;
  // Tells it that its window has another size now. No terminal: no effect.
  virtual void resize(TerminalWindow window) = 0;
  // Ends the whole tree now; on return none of it is alive. `ended` follows. Nothing is running: no
  // effect.
  virtual void kill() = 0;
  // Ends what an earlier life of the agent left running for this action (text of its id). How many
  // processes.
  virtual std::size_t kill_leftovers(const std::string& action) = 0;
};

}  // namespace reachback::agent
