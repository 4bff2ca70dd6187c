#include "agent/builtin/file_status.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <array>

namespace reachback::agent::builtin {

std::optional<Status> status_of(int folder, const char* name) {
  Status status{};
  constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
  if (::statx(folder, name, kFlags, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) {
    return std::nullopt;
  }
  // A file system that knows no such time says so, or leaves it 0.
  if ((status.stx_mask & STATX_BTIME) == 0 || status.stx_btime.tv_sec == 0) {
    status.stx_btime.tv_sec = INT64_MAX;
  }
  return status;
}

std::string_view type_of(const Status& status) {
  switch (status.stx_mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "folder";
    case S_IFLNK:
      return "link";
    case S_IFIFO:
      return "pipe";
    case S_IFSOCK:
      return "socket";
    default:
      return "device";
  }
}

std::string permissions_of(const Status& status) {
  const unsigned mode = status.stx_mode;
  std::string text = "-rwxrwxrwx";
  switch (mode & S_IFMT) {
    case S_IFDIR:
      text[0] = 'd';
      break;
    case S_IFLNK:
      text[0] = 'l';
      break;
    case S_IFIFO:
      text[0] = 'p';
      break;
    case S_IFSOCK:
      text[0] = 's';
      break;
    case S_IFCHR:
      text[0] = 'c';
      break;
    case S_IFBLK:
      text[0] = 'b';
      break;
    default:
      break;
  }
  for (std::size_t i = 0; i < 9; ++i) {
    if ((mode & (0400u >> i)) == 0) {
      text[i + 1] = '-';
    }
  }
  const auto mark = [&](unsigned bit, std::size_t at, char runs, char runs_not) {
    if ((mode & bit) != 0) {
      text[at] = text[at] == 'x' ? runs : runs_not;
    }
  };
  mark(S_ISUID, 3, 's', 'S');
  mark(S_ISGID, 6, 's', 'S');
  mark(S_ISVTX, 9, 't', 'T');
  return text;
}

std::optional<Timestamp> time_of(const statx_timestamp& time) {
  constexpr std::int64_t kYear1 = -62'135'596'800;
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  if (time.tv_sec < kYear1 || time.tv_sec >= kYear10000) {
    return std::nullopt;
  }
  return from_micros(time.tv_sec * 1'000'000 + time.tv_nsec / 1'000);
}

std::optional<std::string> target_of(int folder, const char* name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(folder, name, target.data(), target.size());
  return size < 0 ? std::nullopt
                  : std::optional(std::string(target.data(), static_cast<std::size_t>(size)));
}

}  // namespace reachback::agent::builtin
