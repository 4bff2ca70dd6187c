// Reading /proc: which processes there are, and what stands in their files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

using Pid = std::uint32_t;

struct Proc {
  Fd folder;              // /proc
  std::vector<Pid> pids;  // sorted, as they were when it was opened
};
// Errors: path_error()'s of /proc.
Result<Proc> open_proc(const System& system);

// The folder of a process. Not valid: it is gone.
Fd open_process(const Proc& proc, Pid pid);

// The beginning of a file of /proc. nullopt: it is not there, or its process is gone.
std::optional<std::string> read_proc(int folder, const char* name, std::size_t bytes_max);

// The program's name in a process' `stat` (at most 15 bytes, any bytes).
struct ProcessStat {
  std::string name;
  char state = '?';
  Pid ppid = 0;
  std::uint64_t cpu_ticks = 0;    // of user and system
  std::uint64_t start_ticks = 0;  // since boot
  std::uint64_t resident_pages = 0;
};
std::optional<ProcessStat> read_stat(int process);

// Lines of a file of any length, in constant memory. What of a line is beyond 64 KiB is left out.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  // False: the end, or it cannot be read: error().
  bool next(std::string& line);
  // The errno of what ended the lines before their end; 0: nothing did.
  int error() const { return error_; }

 private:
  const int fd_;
  int error_ = 0;
  std::string piece_;
  std::size_t at_ = 0;
};

}  // namespace reachback::agent::builtin
