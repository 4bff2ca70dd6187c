#include "agent/os_linux/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace reachback::agent {
namespace {

Error refuse(const std::string& path, const std::string& why) {
  return Error{Errc::forbidden, "state folder " + path + ": " + why};
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

}  // namespace

Result<void> check_state_folder(const std::string& given) {
  const std::string path = without_slashes(given);
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno_error("state folder", path);
  }
  if (S_ISLNK(status.st_mode)) {
    return refuse(path, "is a symbolic link");
  }
  if (!S_ISDIR(status.st_mode)) {
    return refuse(path, "is not a folder");
  }
  if (status.st_uid != ::geteuid()) {
    return refuse(path, "belongs to another user");
  }
  if ((status.st_mode & 077) != 0) {
    return refuse(path, "is not private (chmod 700)");
  }
  for (const char* name : {"key.pem", "agent.json", "ca.pem", "contact", "journal", "spool", "work",
                           "lock", "running.json"}) {
    const std::string entry = path + "/" + name;
    if (::lstat(entry.c_str(), &status) != 0) {
      continue;
    }
    if (S_ISLNK(status.st_mode)) {
      return refuse(entry, "is a symbolic link");
    }
    if (status.st_uid != ::geteuid()) {
      return refuse(entry, "belongs to another user");
    }
    if ((status.st_mode & 022) != 0) {
      return refuse(entry, "others may write it");
    }
  }
  return {};
}

Result<void> make_state_folder(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) {
    RB_TRY(make_folder(path, 0700));
  }
  return check_state_folder(path);
}

Result<Fd> lock_state_folder(const std::string& path) {
  RB_TRY_ASSIGN(Fd fd, open_file(path + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{Errc::already_active, "state folder " + path + ": another agent is using it"};
    }
    return errno_error("lock", path);
  }
  return fd;
}

}  // namespace reachback::agent
