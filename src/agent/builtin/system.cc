#include "agent/builtin/system.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/command/find_file.h"
#include "agent/command/path_handle.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kNamesMax = 100'000;

bool is_absent(const Error& error) {
  return error.code == Errc::not_found;
}

}  // namespace

Error path_error(std::string_view path, int error) {
  const std::string what = shown_path(path) + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
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

const char* Folder::next() {
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(folder_.get());
    if (entry == nullptr) {
      return nullptr;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      return entry->d_name;
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
  Found found;
  found.handle = open_handle(root_.get(), path, flags);
  if (!found.handle.valid()) {
    return path_error(path, errno);
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
    return Error{Errc::forbidden,
                 "NotAllowed: " + shown_path(path) +
                     (found.path == path ? "" : ": leads to " + shown_path(found.path)) +
                     ": not below the folders that the machine's owner lets be read"};
  }
  const auto status = status_of(found.handle.get(), "");
  if (!status) {
    return path_error(path, errno);
  }
  found.status = *status;
  return found;
}

Result<Fd> open_regular(const Found& found) {
  if (!S_ISREG(found.status.stx_mode)) {
    return Error{Errc::io, "ReadFailed: " + shown_path(found.path) + ": is a " +
                               std::string(type_of(found.status)) + ", no file"};
  }
  Fd file = open_found(found.handle.get());
  return file.valid() ? Result<Fd>(std::move(file)) : path_error(found.path, errno);
}

std::optional<std::string> System::text(const std::string& path, Output& output,
                                        std::size_t bytes_max) const {
  auto found = find(path);
  auto file = found.ok() ? open_regular(*found) : Result<Fd>(found.error());
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

std::vector<std::string> System::names(const std::string& path, Output& output) const {
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
  const char* name = folder->next();
  for (; name != nullptr && names.size() < kNamesMax; name = folder->next()) {
    names.emplace_back(name);
  }
  if (name != nullptr) {
    output.note("ReadFailed: " + shown_path(path) + ": only " + std::to_string(kNamesMax) +
                " of its names were looked at");
  } else if (errno != 0) {
    output.note(path_error(path, errno));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace reachback::agent::builtin
