// GetFile: reads one file of this machine into the file of its result. It runs in a process of its
// own, this program once more: a read that hangs (a network file system, a FUSE mount) can be ended
// by the time limit or a cancel, and the supervisor answers meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/ports/process.h"
#include "base/ids.h"
#include "base/result.h"
#include "protocol/agent_messages.h"
#include "protocol/seam_messages.h"

namespace reachback::agent {

// What a result leaves free of the disk that the agent's journal stands on. Source:
// api/limits.json, agent_disk_reserve.
inline constexpr std::uint64_t kDiskReserveBytes = 64 << 20;

struct FetchOrder {
  std::string path;
  bool raw = false;  // else gzip
  std::uint64_t bytes_max = 0;
  std::vector<std::string> roots;  // of the policy; empty: everywhere
};

// Reads the file once, from its beginning to the length that it had when it was found (a file whose
// length is told as 0: to its end), and writes the result at the beginning of out_fd, which must be
// empty; synced. A file that changes meanwhile: what was read is what is stored. Constant memory.
// A reserve of the disk stays free. Errors, each "<Word>: …" for CommandEnded.errors:
// find_file()'s, too_large (TooLarge), storage_full (DiskFull), io (ReadFailed).
Result<pb::FetchReport> fetch_file(const FetchOrder& order, int out_fd);

// The process that does it: its result goes to descriptor kScriptFd, a serialised FetchReport to
// its standard output.
inline constexpr const char* kFetchCommand = "fetch-file";
int run_fetch(int argc, char** argv);

// How it is started. out_fd: the file of the result; both stay the caller's.
ProcessSpec fetch_process(const FetchOrder& order, int out_fd, const ActionId& action,
                          std::uint32_t index);
// A process of this program whose result is one file: words: behind the program's name; out_fd: the
// file, its kScriptFd. It ends with tell_fetch_report().
ProcessSpec file_process(std::vector<std::string> words, int out_fd, const ActionId& action,
                         std::uint32_t index);
// Serialised, on standard output; the exit code.
int tell_fetch_report(const Result<pb::FetchReport>& report);
// What it left on its standard output. Errors: not_found (no whole report: it was ended).
Result<pb::FetchReport> read_fetch_report(int fd);

}  // namespace reachback::agent
