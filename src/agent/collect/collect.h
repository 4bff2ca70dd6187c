// The forensic package of a machine (`collect` of an interactive session): one zip file with what
// the built-in commands tell, open files, and the files that say how the machine is set up, who
// signed in, what people typed and what was installed. It runs in a process of its own, as
// GetFile's reader does (command/fetch_file.h). What cannot be read is noted in the package, and
// the rest goes on. Source of the contents: MDE, investigation package for macOS and Linux
// (2026-07-28).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/ports/process.h"
#include "base/ids.h"
#include "base/result.h"
#include "protocol/seam_messages.h"

namespace reachback::agent {

// Of one file its end is kept, for logs grow there; of all files together so much. Ours.
inline constexpr std::uint64_t kPackageFileBytesMax = 64 << 20;
inline constexpr std::uint64_t kPackageBytesMax = 1 << 30;

struct CollectOrder {
  std::vector<std::string> roots;  // of the policy; files elsewhere are left out; empty: everywhere
};

// The package at the beginning of out_fd, which must be empty. root: the folder that is / ; "": the
// machine's own. The report's path is the package's name, its bytes and hash are the package's own.
// Errors, each "<Word>: …" for CommandEnded.errors: storage_full (DiskFull), io (ReadFailed).
Result<pb::FetchReport> collect_package(const CollectOrder& order, const std::string& root,
                                        int out_fd);

// The process that does it: the package goes to descriptor kScriptFd, a serialised FetchReport to
// its standard output.
inline constexpr const char* kCollectCommand = "collect";
int run_collect(int argc, char** argv);

// How it is started. out_fd: where the package goes; the caller's.
ProcessSpec collect_process(const CollectOrder& order, int out_fd, const ActionId& action,
                            std::uint32_t index);

}  // namespace reachback::agent
