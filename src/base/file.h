// Small durable-file operations. "Durable" means it survives power loss once the call has returned.
// All calls block; thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// Error{io | storage_full | not_found | forbidden | already_exists} with "what path: strerror",
// from errno.
Error errno_error(std::string_view what, std::string_view path = "");

Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0600);  // adds O_CLOEXEC
// Whole file. Errors: not_found, too_large (over max), io.
Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes = 64 << 20);
// Writes all bytes to fd. Errors: storage_full, io.
Result<void> write_all(int fd, std::string_view bytes);
// All of it at an offset; not for a descriptor that appends. A part may be written on an error.
Result<void> write_at(int fd, std::string_view bytes, std::uint64_t offset);
// Reads up to size bytes at offset, short only at the end of the file.
Result<std::size_t> read_at(int fd, char* out, std::size_t size, std::uint64_t offset);
Result<void> sync_file(int fd);                    // fdatasync
Result<void> sync_folder(const std::string& dir);  // so that names in it survive
// Replaces path: temporary file beside it, fsync, rename, fsync of the folder. Never leaves half a
// file under `path`.
Result<void> write_file_durably(const std::string& path, std::string_view bytes,
                                mode_t mode = 0600);
Result<void> make_folder(const std::string& path,
                         mode_t mode = 0700);       // with parents; existing is not an error
Result<void> remove_tree(const std::string& path);  // absent is not an error
bool path_exists(const std::string& path);

}  // namespace reachback
