#include "agent/command/path_handle.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace reachback::agent {
namespace {

constexpr int kTries = 100;  // of a walk that somebody's renames disturb
constexpr std::size_t kPathBytesMax = 4096;

std::string link_of(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

Fd open_handle(int root_fd, const std::string& path, int flags, Links links) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(O_PATH | O_CLOEXEC | flags);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (links == Links::refused) {
    how.resolve |= RESOLVE_NO_SYMLINKS;
  }
  for (int i = 0;; ++i) {
    const auto fd =
        static_cast<int>(::syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || i == kTries) {
      return Fd(fd);
    }
  }
}

std::string path_of(int fd) {
  std::string path(kPathBytesMax, '\0');
  const ssize_t size = ::readlink(link_of(fd).c_str(), path.data(), path.size());
  if (size < 0) {
    return {};
  }
  path.resize(static_cast<std::size_t>(size));
  if (!path.starts_with('/') || path.size() == kPathBytesMax) {
    errno = 0;
    return {};
  }
  return path;
}

bool is_below(std::string_view path, const std::vector<std::string>& roots) {
  return roots.empty() || std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
           return root == "/" || path == root || path.starts_with(root + "/");
         });
}

Fd open_found(int handle) {
  return Fd(::open(link_of(handle).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace reachback::agent
