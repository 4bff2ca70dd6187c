// The calls that decide what is on the disk after power loss and when it is full. A seam, so that a
// test can lose what was not synced and fill the disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace reachback::server {

// Thread-safe; every call blocks. This class is the machine's disk.
class Disk {
 public:
  virtual ~Disk() = default;
  // Errors: storage_full, io.
  virtual Result<void> write(int fd, std::string_view bytes);
  // Has the disk begin with these bytes of the file, so that a later sync has less to wait for.
  // Best effort, does not wait; only that sync counts.
  virtual void start_writing(int fd, std::uint64_t offset, std::uint64_t bytes);
  // Appends `bytes` of `from`, from `offset` on, to `to`, in the kernel where it can (shared
  // extents on file systems that have them). Errors: storage_full, io, corrupt (`from` is shorter).
  virtual Result<void> copy(int from, std::uint64_t offset, int to, std::uint64_t bytes);
  virtual Result<void> sync_file(int fd);
  virtual Result<void> sync_folder(const std::string& folder);
  // Everything below the folder that is visible now survives power loss afterwards.
  virtual Result<void> sync_tree(const std::string& folder);
  // What an unprivileged program may still write there.
  virtual Result<std::uint64_t> free_bytes(const std::string& folder);
};

}  // namespace reachback::server
