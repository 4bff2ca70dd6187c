#include "agent/builtin/system.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/builtin/file_systems.h"
#include "agent/command/find_file.h"
#include "agent/command/path_handle.h"

namespace reachback::agent::builtin {
namespace {

bool is_absent(const Error& error) {
  return error.code == Errc::not_found;
}

bool is_above(std::string_view path, const std::vector<std::string>& roots) {
  return path == "/" || std::any_of(roots.begin(), roots.end(), [&](std::string_view root) {
           return root.starts_with(path) && root.substr(path.size()).starts_with('/');
         });
}

// By its text alone.
bool keeps_to(const std::vector<std::string>& roots, std::string_view path) {
  std::string at = "/";
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      at.resize(std::max<std::size_t>(at.rfind('/'), 1));
    } else {
      at += (at == "/" ? "" : "/") + std::string(part);
    }
    if (!is_below(at, roots) && !is_above(at, roots)) {
      return false;
    }
  }
  return is_below(at, roots);
}

Error not_below_roots(std::string_view path) {
  return Error{Errc::forbidden,
               "NotAllowed: " + shown_path(path) +
                   ": leads nowhere below the folders that the machine's owner lets be read"};
}

}  // namespace

Error path_error(std::string_view path, int error) {
  const std::string what = shown_path(path) + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
    case ESRCH:  // of /proc: the process has ended
      return Error{Errc::not_found, "NotFound: " + what};
    case ENOTDIR:
      return Error{Errc::not_found, "NotAFolder: " + what};
    case EACCES:
    case EPERM:
      return Error{Errc::forbidden, "NotAllowed: " + what};
    case ENAMETOOLONG:
      return Error{Errc::invalid_input, "InvalidInput: " + what};
    case ELOOP:
      return Error{Errc::io, "ReadFailed: " + shown_path(path) +
                                 ": leads through a link of /proc that is no path, or in a circle"};
    case ENOSYS:
      return Error{Errc::unavailable,
                   "Unsupported: " + shown_path(path) + ": needs openat2(), of Linux 5.6"};
    default:
      return Error{Errc::io, "ReadFailed: " + what};
  }
}

Result<Folder> Folder::open(int handle, std::string_view path) {
  Fd fd(::openat(handle, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  DIR* folder = fd.valid() ? ::fdopendir(fd.get()) : nullptr;
  if (folder == nullptr) {
    return path_error(path, errno);
  }
  (void)fd.release();
  return Folder(folder);
}

std::optional<Entry> Folder::next() {
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(folder_.get());
    if (entry == nullptr) {
      return std::nullopt;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      return Entry{entry->d_name, entry->d_type};
    }
  }
}

Result<System> System::open(const std::string& root) {
  Fd fd(::open(root.empty() ? "/" : root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return path_error(root, errno);
  }
  std::string prefix = root.empty() ? "" : path_of(fd.get());
  return System(std::move(fd), std::move(prefix));
}

Result<Found> System::find(const std::string& path, int flags,
                           const std::vector<std::string>& roots) const {
  if (!path.starts_with('/')) {
    return Error{Errc::invalid_input, "InvalidInput: " + shown_path(path) + ": is not absolute"};
  }
  if (!keeps_to(roots, path)) {
    return not_below_roots(path);
  }
  Found found;
  found.handle = open_handle(root_.get(), path, flags);
  if (!found.handle.valid()) {
    const int error = errno;
    // What failed may be outside only where a link led there.
    const bool is_led = !roots.empty() &&
                        !open_handle(root_.get(), path, flags, Links::refused).valid() &&
                        errno == ELOOP;
    return is_led ? not_below_roots(path) : path_error(path, error);
  }
  found.path = path_of(found.handle.get());
  if (found.path.empty()) {
    return path_error(path, errno == 0 ? ENAMETOOLONG : errno == ENOENT ? ENOSYS : errno);
  }
  found.path.erase(0, prefix_.size());
  if (found.path.empty()) {
    found.path = "/";
  }
  if (!is_below(found.path, roots)) {
    return not_below_roots(path);
  }
  const auto status = status_of(found.handle.get(), "");
  if (!status) {
    return path_error(path, errno);
  }
  found.status = *status;
  return found;
}

Result<Fd> open_regular(const Found& found, KernelFiles kernel_files) {
  if (!S_ISREG(found.status.stx_mode)) {
    return Error{Errc::io, "ReadFailed: " + shown_path(found.path) + ": is a " +
                               std::string(type_of(found.status)) + ", no file"};
  }
  if (kernel_files == KernelFiles::refused && is_made_by_kernel(found.handle.get())) {
    return Error{Errc::io, "ReadFailed: " + shown_path(found.path) +
                               ": is made by the kernel when it is read, and not opened"};
  }
  Fd file = open_found(found.handle.get());
  return file.valid() ? Result<Fd>(std::move(file)) : path_error(found.path, errno);
}

std::optional<std::string> System::text(const std::string& path, Output& output,
                                        std::size_t bytes_max, KernelFiles kernel_files) const {
  const auto found = find(path);
  if (!found.ok()) {
    if (!is_absent(found.error())) {
      output.note(found.error());
    }
    return std::nullopt;
  }
  return text_of(*found, path, output, bytes_max, kernel_files);
}

std::optional<std::string> text_of(const Found& found, const std::string& path, Output& output,
                                   std::size_t bytes_max, KernelFiles kernel_files) {
  if (S_ISLNK(found.status.stx_mode)) {
    return std::nullopt;
  }
  const auto file = open_regular(found, kernel_files);
  if (!file.ok()) {
    if (!is_absent(file.error())) {
      output.note(file.error());
    }
    return std::nullopt;
  }
  std::string text;
  std::string piece(64 << 10, '\0');
  while (text.size() <= bytes_max) {
    const ssize_t size = ::read(file->get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      output.note(path_error(path, errno));
      return std::nullopt;
    }
    if (size == 0) {
      return text;
    }
    text.append(piece, 0, static_cast<std::size_t>(size));
  }
  text.resize(bytes_max);
  output.note("ReadFailed: " + shown_path(path) + ": only the first " + std::to_string(bytes_max) +
              " bytes were read");
  return text;
}

std::vector<std::string> System::names(const std::string& path, Output& output,
                                       std::size_t names_max) const {
  auto found = find(path, O_DIRECTORY);
  auto folder =
      found.ok() ? Folder::open(found->handle.get(), path) : Result<Folder>(found.error());
  std::vector<std::string> names;
  if (!folder.ok()) {
    if (!is_absent(folder.error())) {
      output.note(folder.error());
    }
    return names;
  }
  auto entry = folder->next();
  for (; entry && names.size() < names_max; entry = folder->next()) {
    names.emplace_back(entry->name);
  }
  if (entry) {
    output.note("ReadFailed: " + shown_path(path) + ": only " + std::to_string(names_max) +
                " of its names were looked at");
  } else if (errno != 0) {
    output.note(path_error(path, errno));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace reachback::agent::builtin
