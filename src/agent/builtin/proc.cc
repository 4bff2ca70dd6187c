#include "agent/builtin/proc.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kStatBytesMax = 4096;
constexpr std::size_t kLineBytesMax = 64 << 10;

ssize_t read_some(int fd, std::string& piece) {
  piece.resize(64 << 10);
  while (true) {
    const ssize_t size = ::read(fd, piece.data(), piece.size());
    if (size >= 0 || errno != EINTR) {
      piece.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      return size;
    }
  }
}

}  // namespace

Result<Proc> open_proc(const System& system) {
  RB_TRY_ASSIGN(const Found found, system.find("/proc", O_DIRECTORY));
  RB_TRY_ASSIGN(Folder folder, Folder::open(found.handle.get(), "/proc"));
  Proc proc;
  while (const auto entry = folder.next()) {
    if (const auto pid = number_of(entry->name); pid && *pid <= UINT32_MAX) {
      proc.pids.push_back(static_cast<Pid>(*pid));
    }
  }
  if (errno != 0) {
    return path_error("/proc", errno);
  }
  std::sort(proc.pids.begin(), proc.pids.end());
  proc.folder = Fd(::openat(found.handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return proc.folder.valid() ? Result<Proc>(std::move(proc)) : path_error("/proc", errno);
}

Fd open_process(const Proc& proc, Pid pid) {
  return Fd(::openat(proc.folder.get(), std::to_string(pid).c_str(),
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::optional<std::string> read_proc(int folder, const char* name, std::size_t bytes_max) {
  const Fd file(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) {
    return std::nullopt;
  }
  std::string text;
  std::string piece;
  while (text.size() < bytes_max) {
    const ssize_t size = read_some(file.get(), piece);
    if (size < 0) {
      return std::nullopt;
    }
    if (size == 0) {
      break;
    }
    text += piece;
  }
  text.resize(std::min(text.size(), bytes_max));
  return text;
}

std::optional<ProcessStat> read_stat(int process) {
  // Field 3 is the first behind the name, which may hold anything, brackets too.
  constexpr std::size_t kFirst = 3, kPpid = 4, kUser = 14, kSystem = 15, kStart = 22, kPages = 24;
  const auto text = read_proc(process, "stat", kStatBytesMax);
  const auto open = text ? text->find('(') : std::string::npos;
  const auto close = text ? text->rfind(')') : std::string::npos;
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return std::nullopt;
  }
  const std::string_view rest = std::string_view(*text).substr(close + 1);
  const auto words = words_of(rest.substr(0, rest.find('\n')));
  if (words.size() <= kPages - kFirst) {
    return std::nullopt;
  }
  const auto number = [&](std::size_t field) {
    return number_of(words[field - kFirst]).value_or(0);
  };
  ProcessStat stat;
  stat.name = text->substr(open + 1, close - open - 1);
  stat.state = words[0][0];
  stat.ppid = static_cast<Pid>(number(kPpid));
  stat.cpu_ticks = number(kUser) + number(kSystem);
  stat.start_ticks = number(kStart);
  stat.resident_pages = number(kPages);
  return stat;
}

bool LineReader::next(std::string& line) {
  line.clear();
  bool any = false;
  while (true) {
    if (at_ == piece_.size()) {
      at_ = 0;
      const ssize_t size = read_some(fd_, piece_);
      if (size <= 0) {
        error_ = size < 0 ? errno : 0;
        return any;
      }
    }
    any = true;
    const auto end = piece_.find('\n', at_);
    const auto stop = std::min(end, piece_.size());
    line.append(piece_, at_, std::min(stop - at_, kLineBytesMax - line.size()));
    at_ = end == std::string::npos ? piece_.size() : end + 1;
    if (end != std::string::npos) {
      return true;
    }
  }
}

}  // namespace reachback::agent::builtin
