#include <fcntl.h>
#include <fnmatch.h>
#include <locale.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "agent/builtin/commands.h"
#include "agent/builtin/file_systems.h"
#include "agent/command/find_file.h"
#include "agent/command/path_handle.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kDepthMax = 400;  // each level holds a descriptor

std::uint64_t device_of(const Status& status) {
  return std::uint64_t{status.stx_dev_major} << 32 | status.stx_dev_minor;
}

// Goes down a tree from descriptor to descriptor, so that nobody's renames lead it elsewhere.
class Walk {
 public:
  Walk(std::string glob, Output& output) : glob_(std::move(glob)), output_(output) {}

  Result<void> below(const Found& start) {
    RB_TRY_ASSIGN(Folder folder, Folder::open(start.handle.get(), start.path));
    path_ = start.path == "/" ? "" : start.path;
    levels_.push_back({std::move(folder), path_.size(), device_of(start.status)});
    while (!levels_.empty()) {
      Level& level = levels_.back();
      path_.resize(level.path_bytes);
      if (const auto entry = level.folder.next()) {
        look(level, *entry);
        output_.flush_if_old();
        continue;
      }
      if (errno != 0) {
        output_.note(path_error(path_, errno));
      }
      levels_.pop_back();
    }
    return {};
  }

 private:
  struct Level {
    Folder folder;
    std::size_t path_bytes;
    std::uint64_t device;
  };

  // A name that does not fit is not asked about where the folder says that it is no folder: most
  // are passed over so.
  void look(Level& level, const Entry& entry) {
    path_ += '/';
    path_ += entry.name;
    const bool fits = ::fnmatch(glob_.c_str(), entry.name, 0) == 0;
    bool is_folder = entry.type == DT_DIR;
    if (fits || entry.type == DT_UNKNOWN) {
      const auto status = status_of(level.folder.fd(), entry.name);
      if (!status) {
        note_unless_gone();
        return;
      }
      if (fits) {
        output_.add(Row()
                        .add("type", type_of(*status))
                        .add("size", status->stx_size)
                        .add("modified", modified_of(*status))
                        .add("path", path_));
      }
      is_folder = S_ISDIR(status->stx_mode);
    }
    if (is_folder) {
      enter(level, entry.name);  // level may be moved by it
    }
  }

  void note_unless_gone() {
    if (errno != ENOENT) {
      output_.note(path_error(path_, errno));
    }
  }

  void enter(const Level& level, const char* name) {
    if (levels_.size() == kDepthMax) {
      output_.note("ReadFailed: " + shown_path(path_) + ": lies more than " +
                   std::to_string(kDepthMax) + " folders deep, and was not searched");
      return;
    }
    // Without O_DIRECTORY, which would have what mounts itself be mounted.
    constexpr int kFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    // NOLINTNEXTLINE(clang-analyzer-unix.StdCLibraryFunctions): the folders on the way are open
    const Fd handle(::openat(level.folder.fd(), name, kFlags));
    const auto status = handle.valid() ? status_of(handle.get(), "") : std::nullopt;
    if (!status) {
      note_unless_gone();
      return;
    }
    if (!S_ISDIR(status->stx_mode)) {
      return;  // something else stands there meanwhile
    }
    const std::uint64_t device = device_of(*status);
    if (device != level.device && is_made_by_kernel(handle.get())) {
      return;
    }
    auto folder = Folder::open(handle.get(), path_);
    if (!folder.ok()) {
      output_.note(folder.error());
      return;
    }
    levels_.push_back({std::move(*folder), path_.size(), device});
  }

  const std::string glob_;
  Output& output_;
  std::vector<Level> levels_;
  std::string path_;
};

// The owner's roots, or /; none that another one holds.
std::vector<std::string> starts_of(const Request& request) {
  if (request.roots().empty()) {
    return {"/"};
  }
  std::vector<std::string> starts = request.roots();
  std::sort(starts.begin(), starts.end());
  std::vector<std::string> out;
  for (const auto& start : starts) {
    if (out.empty() || !is_below(start, out)) {
      out.push_back(start);
    }
  }
  return out;
}

}  // namespace

Result<void> find_files(const Request& request, Output& output) {
  const auto name = request.text("name");
  if (!name || name->empty()) {
    return Error{Errc::invalid_input, "InvalidInput: name: is missing"};
  }
  ::setlocale(LC_CTYPE, "C.UTF-8");  // so that ? stands for a character, not for a byte
  Walk walk(*name, output);
  if (const auto path = request.text("path")) {
    RB_TRY_ASSIGN(const Found start, request.find(*path, O_DIRECTORY));
    return walk.below(start);
  }
  for (const auto& root : starts_of(request)) {
    auto start = request.find(root, O_DIRECTORY);
    const auto done = start.ok() ? walk.below(*start) : Result<void>(start.error());
    if (!done.ok()) {
      output.note(done.error());
    }
  }
  return {};
}

}  // namespace reachback::agent::builtin
