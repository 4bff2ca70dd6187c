#include "agent/ports/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace reachback::agent {
namespace {
#ifndef MFD_NOEXEC_SEAL
constexpr unsigned kNoExecSeal = 8;  // Linux 6.3
#else
constexpr unsigned kNoExecSeal = MFD_NOEXEC_SEAL;
#endif
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
}  // namespace

Result<Fd> make_memory_file() {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = ::memfd_create("script", kFlags | kNoExecSeal);
  if (fd < 0 && errno == EINVAL) {
    fd = ::memfd_create("script", kFlags);
  }
  if (fd < 0) {
    return errno_error("make a memory file");
  }
  return Fd(fd);
}

Result<void> seal_memory_file(int fd) {
  if (::fcntl(fd, F_ADD_SEALS, kSeals) != 0) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals) {
      return Error{Errc::forbidden, "the script's file cannot be sealed"};
    }
  }
  return {};
}

Result<Fd> sealed_memory_file(std::string_view bytes) {
  RB_TRY_ASSIGN(Fd fd, make_memory_file());
  RB_TRY(write_all(fd.get(), bytes));
  RB_TRY(seal_memory_file(fd.get()));
  return fd;
}

Result<std::uint64_t> file_bytes(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return errno_error("stat");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace reachback::agent
