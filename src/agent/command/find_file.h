// Where a path of GetFile leads, looked at without any effect on what stands there. Linux only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

struct FoundFile {
  Fd file;                  // open for reading, non-blocking
  std::string path;         // of this file, symbolic links followed; bytes as the kernel has them
  std::uint64_t bytes = 0;  // as its folder says; 0 also for files that are made when they are read
};

// Follows symbolic links, but none of /proc that is no path (exe, fd/0, root). What is no regular
// file is never opened, so that no device does anything and no FIFO is waited for.
// roots: not empty: the file must stand below one of these folders, wherever the path began;
// a root that is a symbolic link has nothing below it.
// Errors, each "<Word>: <path> …" for CommandEnded.errors: invalid_input (InvalidPath: not
// absolute, too long), not_found (NotFound), forbidden (AccessDenied; Policy; NotARegularFile),
// unavailable (Unsupported: a kernel before Linux 5.6, no /proc), io (ReadFailed).
// Source: trust.md §6, T29.
Result<FoundFile> find_file(const std::string& path, const std::vector<std::string>& roots);

// The path as an error shows it: cut where it would crowd out the rest.
std::string shown_path(std::string_view path);

}  // namespace reachback::agent
