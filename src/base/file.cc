#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace reachback {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

Error errno_error(std::string_view what, std::string_view path) {
  int err = errno;
  Errc code = Errc::io;
  switch (err) {
    case ENOENT:
      code = Errc::not_found;
      break;
    case EACCES:
    case EPERM:
      code = Errc::forbidden;
      break;
    case EEXIST:
      code = Errc::already_exists;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      code = Errc::storage_full;
      break;
    default:
      break;
  }
  std::string message(what);
  if (!path.empty()) {
    message += " " + std::string(path);
  }
  return Error{code, message + ": " + std::strerror(err)};
}

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) {
    return errno_error("open", path);
  }
  return Fd(fd);
}

Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes) {
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDONLY));
  std::string out;
  char buffer[65536];
  while (true) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return errno_error("read", path);
    }
    if (n == 0) {
      return out;
    }
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > max_bytes) {
      return Error{Errc::too_large, "read " + path + ": longer than expected"};
    }
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return errno_error("write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno != EINTR) {
      return errno_error("write");
    }
    const auto written = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    bytes.remove_prefix(written);
    offset += written;
  }
  return {};
}

Result<std::size_t> read_at(int fd, char* out, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    ssize_t n = ::pread(fd, out + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return errno_error("read");
    }
    if (n == 0) {
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<void> sync_file(int fd) {
  if (::fdatasync(fd) != 0) {
    return errno_error("fdatasync");
  }
  return {};
}

Result<void> sync_folder(const std::string& dir) {
  RB_TRY_ASSIGN(Fd fd, open_file(dir, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) {
    return errno_error("fsync", dir);
  }
  return {};
}

Result<void> write_file_durably(const std::string& path, std::string_view bytes, mode_t mode) {
  std::string temporary = path + ".tmp";
  {
    RB_TRY_ASSIGN(Fd fd, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
    RB_TRY(write_all(fd.get(), bytes));
    if (::fsync(fd.get()) != 0) {
      return errno_error("fsync", temporary);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return errno_error("rename", path);
  }
  auto parent = std::filesystem::path(path).parent_path().string();
  return sync_folder(parent.empty() ? "." : parent);
}

Result<void> make_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    return {};
  }
  if (errno == EEXIST) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      return {};
    }
    errno = EEXIST;
    return errno_error("make folder", path);
  }
  auto parent = std::filesystem::path(path).parent_path().string();
  if (errno != ENOENT || parent.empty() || parent == path) {
    return errno_error("make folder", path);
  }
  RB_TRY(make_folder(parent, mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return errno_error("make folder", path);
  }
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) {
    return Error{Errc::io, "remove " + path + ": " + error.message()};
  }
  return {};
}

bool path_exists(const std::string& path) {
  struct stat ignored{};
  return ::lstat(path.c_str(), &ignored) == 0;
}

}  // namespace reachback
