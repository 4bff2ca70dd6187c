// Files that live in memory only: how a script's bytes cross the seam and reach an interpreter with
// no path that somebody could swap. Thread-safe.
#pragma once

#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

Result<Fd> make_memory_file();
// From now on nobody, holder of the descriptor or not, changes its bytes or length.
// Errors: forbidden (not a memory file of make_memory_file()).
Result<void> seal_memory_file(int fd);
Result<Fd> sealed_memory_file(std::string_view bytes);
Result<std::uint64_t> file_bytes(int fd);

}  // namespace reachback::agent
