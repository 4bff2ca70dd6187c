#include "cli/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reachback::cli {
namespace {

std::string part_of(const std::string& path) {
  return path + ".part";
}

}  // namespace

Result<OutputFile> OutputFile::begin(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return Error{Errc::already_exists, path + " is there and no plain file: choose another name"};
  }
  auto file = open_file(part_of(path), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!file) {
    return Error{file.error().code, file.error().message + ": choose another place"};
  }
  Fd before(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!before.valid() || ::dup2(file->get(), STDOUT_FILENO) < 0) {
    return errno_error("standard output", path);
  }
  return OutputFile(path, std::move(before));
}

OutputFile::~OutputFile() {
  if (before_.valid()) {
    give_back();
    ::unlink(part_of(path_).c_str());
  }
}

Result<void> OutputFile::keep() {
  give_back();
  if (::rename(part_of(path_).c_str(), path_.c_str()) != 0) {
    return errno_error("rename", path_);
  }
  return {};
}

void OutputFile::give_back() {
  ::dup2(before_.get(), STDOUT_FILENO);
  before_.reset();
}

}  // namespace reachback::cli
