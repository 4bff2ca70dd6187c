#include "server/blob_fs/disk.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace reachback::server {
namespace {

constexpr std::size_t kCopyBytes = 256 << 10;

// The rest of a copy through memory, from where `to` stands.
Result<void> copy_by_hand(Disk& disk, int from, int to, std::uint64_t offset, std::uint64_t end) {
  std::vector<char> buffer(kCopyBytes);
  while (offset < end) {
    std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, end - offset));
    RB_TRY_ASSIGN(std::size_t n, read_at(from, buffer.data(), want, offset));
    if (n == 0) {
      return Error{Errc::corrupt, "copy: the file is shorter than it was"};
    }
    RB_TRY(disk.write(to, {buffer.data(), n}));
    offset += n;
  }
  return {};
}

}  // namespace

Result<void> Disk::write(int fd, std::string_view bytes) {
  return write_all(fd, bytes);
}

void Disk::start_writing(int fd, std::uint64_t offset, std::uint64_t bytes) {
  ::sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
}

Result<void> Disk::copy(int from, std::uint64_t offset, int to, std::uint64_t bytes) {
  const std::uint64_t end = offset + bytes;
  auto at = static_cast<off_t>(offset);
  while (static_cast<std::uint64_t>(at) < end) {
    ssize_t n = ::copy_file_range(from, &at, to, nullptr, end - static_cast<std::uint64_t>(at), 0);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG)) {
      return errno_error("copy");
    }
    if (n <= 0) {  // Not between these file systems, or nothing more to read.
      return copy_by_hand(*this, from, to, static_cast<std::uint64_t>(at), end);
    }
  }
  return {};
}

Result<void> Disk::sync_file(int fd) {
  return reachback::sync_file(fd);
}

Result<void> Disk::sync_folder(const std::string& folder) {
  return reachback::sync_folder(folder);
}

Result<void> Disk::sync_tree(const std::string& folder) {
  RB_TRY_ASSIGN(Fd fd, open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) != 0) {
    return errno_error("syncfs", folder);
  }
  return {};
}

Result<std::uint64_t> Disk::free_bytes(const std::string& folder) {
  struct statvfs fs{};
  if (::statvfs(folder.c_str(), &fs) != 0) {
    return errno_error("statvfs", folder);
  }
  return static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
}

}  // namespace reachback::server
