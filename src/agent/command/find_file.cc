#include "agent/command/find_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "agent/command/path_handle.h"
#include "base/bytes.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kShownBytesMax = 300;

Error not_regular(const std::string& path, std::string_view what) {
  return Error{Errc::forbidden, "NotARegularFile: " + shown_path(path) + " " + std::string(what)};
}

Error could_not_open(const std::string& path) {
  const std::string why = std::strerror(errno);
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return Error{Errc::not_found, "NotFound: " + shown_path(path) + ": " + why};
    case EACCES:
    case EPERM:
      return Error{Errc::forbidden, "AccessDenied: " + shown_path(path) + ": " + why};
    case ELOOP:
      return not_regular(path, "leads through a link of /proc that is no path, or in a circle");
    case ENAMETOOLONG:
      return Error{Errc::invalid_input, "InvalidPath: " + shown_path(path) + ": " + why};
    case ENOSYS:
      return Error{Errc::unavailable,
                   "Unsupported: GetFile needs openat2(), of Linux 5.6, which this machine lacks"};
    default:
      return Error{Errc::io, "ReadFailed: " + shown_path(path) + ": " + why};
  }
}

// A handle on what the path leads to, which opens nothing.
Result<Fd> walk(const std::string& path) {
  const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) {
    return could_not_open("/");
  }
  Fd handle = open_handle(root.get(), path);
  return handle.valid() ? Result<Fd>(std::move(handle)) : could_not_open(path);
}

std::string_view kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "is a folder";
    case S_IFIFO:
      return "is a FIFO";
    case S_IFSOCK:
      return "is a socket";
    case S_IFCHR:
      return "is a character device";
    case S_IFBLK:
      return "is a block device";
    default:
      return "is neither a file nor a folder";
  }
}

}  // namespace

std::string shown_path(std::string_view path) {
  const std::string text = to_valid_utf8(path);
  return text.size() <= kShownBytesMax ? text : std::string(cut_utf8(text, kShownBytesMax)) + "…";
}

Result<FoundFile> find_file(const std::string& path, const std::vector<std::string>& roots) {
  if (!path.starts_with('/')) {
    return Error{Errc::invalid_input,
                 "InvalidPath: " + shown_path(path) +
                     " is not absolute: it has to begin with /, and neither ~ nor variables are "
                     "replaced"};
  }
  RB_TRY_ASSIGN(const Fd handle, walk(path));
  struct stat status{};
  if (::fstat(handle.get(), &status) != 0) {
    return could_not_open(path);
  }
  if (!S_ISREG(status.st_mode)) {
    return not_regular(path, kind_of(status.st_mode));
  }
  FoundFile out;
  out.path = path_of(handle.get());
  if (out.path.empty() && errno == ENOENT) {
    return Error{Errc::unavailable, "Unsupported: GetFile needs /proc, which this machine lacks"};
  }
  if (out.path.empty()) {
    return Error{Errc::invalid_input,
                 "InvalidPath: " + shown_path(path) + " leads to a file without a path"};
  }
  if (!is_below(out.path, roots)) {
    return Error{Errc::forbidden, "Policy: " + shown_path(path) + " leads to " +
                                      shown_path(out.path) +
                                      ", which is not below the folders that may be read"};
  }
  // The very file that was looked at, whatever the path leads to by now.
  out.file = open_found(handle.get());
  if (!out.file.valid()) {
    return could_not_open(path);
  }
  out.bytes = static_cast<std::uint64_t>(status.st_size);
  return out;
}

}  // namespace reachback::agent
