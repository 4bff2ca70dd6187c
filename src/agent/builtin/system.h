// The file system that the built-in commands look at: the machine's own, or a made-up one in a
// folder. Nothing but regular files is ever opened for reading, none without a bound, and those
// that the kernel makes only where they are meant.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/builtin/file_status.h"
#include "agent/builtin/output.h"
#include "agent/builtin/text.h"
#include "base/file.h"
#include "base/result.h"

namespace reachback::agent::builtin {

// The error of a path, from an errno: "NotFound: /x: No such file or directory", NotAFolder,
// NotAllowed, InvalidInput, Unsupported (a kernel before Linux 5.6), else ReadFailed.
Error path_error(std::string_view path, int error);

// The path of what is in the folder.
inline std::string path_in(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name);
}

// Something that was found. What is done goes through the handle, whatever the path leads to by
// then.
struct Found {
  Fd handle;         // O_PATH
  std::string path;  // of this file, symbolic links followed; bytes as the kernel has them
  Status status{};
};

struct Entry {
  const char* name = nullptr;       // good until the next one is asked for
  unsigned char type = DT_UNKNOWN;  // DT_REG, DT_DIR, …; DT_UNKNOWN: this file system does not say
};

// What a folder holds, in the kernel's order, without "." and "..".
class Folder {
 public:
  // handle: O_PATH or more. Errors: path_error()'s.
  static Result<Folder> open(int handle, std::string_view path);
  // nullopt: the end, or errno is not 0.
  std::optional<Entry> next();
  int fd() const { return ::dirfd(folder_.get()); }

 private:
  struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  explicit Folder(DIR* folder) : folder_(folder) {}
  std::unique_ptr<DIR, Close> folder_;
};

// Enough for every file that an administrator writes by hand, and every folder.
inline constexpr std::size_t kTextBytesMax = 1 << 20;
inline constexpr std::size_t kNamesMax = 100'000;

// Whether a file that the kernel makes while it is read (file_systems.h) is opened. Some of them
// are consumed by it, and whoever may place a link can have one stand where a text is looked for:
// so only a path that means such a file says `read`.
enum class KernelFiles { refused, read };

class System {
 public:
  // root: the folder that is / ; "": the machine's own.
  // Errors: path_error()'s of root.
  static Result<System> open(const std::string& root);

  // Follows symbolic links, but none of /proc that is no path. flags: O_NOFOLLOW: a link at the end
  // is what is found. roots: not empty: what is found must be one of them or stand below one, and
  // so must the path by its text, ".." taken back, which may come by nothing else than what a root
  // stands in. What there is elsewhere is not told: the error is the same with and without it.
  // Errors: path_error()'s; NotAllowed (forbidden): not below the roots.
  Result<Found> find(const std::string& path, int flags = 0,
                     const std::vector<std::string>& roots = {}) const;

  // The beginning of a regular file. nullopt: it is absent, or no regular file, or cannot be read.
  // Absent is the ordinary case and not noted; anything else is, and that there was more.
  std::optional<std::string> text(const std::string& path, Output& output,
                                  std::size_t bytes_max = kTextBytesMax,
                                  KernelFiles kernel_files = KernelFiles::refused) const;
  // The names in a folder, sorted; at most so many, the rest is noted. Absent: none.
  std::vector<std::string> names(const std::string& path, Output& output,
                                 std::size_t names_max = kNamesMax) const;

 private:
  System(Fd root, std::string prefix) : root_(std::move(root)), prefix_(std::move(prefix)) {}
  Fd root_;
  std::string prefix_;  // what stands before every path of it; "" for the machine's own
};

// A file that was found, opened for reading. Errors: path_error()'s; ReadFailed: it is no regular
// file, or one that the kernel makes. Neither is opened.
Result<Fd> open_regular(const Found& found, KernelFiles kernel_files = KernelFiles::refused);

// System::text() of what was found. path: as notes call it. A link itself was found, which leads
// nowhere: absent.
std::optional<std::string> text_of(const Found& found, const std::string& path, Output& output,
                                   std::size_t bytes_max = kTextBytesMax,
                                   KernelFiles kernel_files = KernelFiles::refused);

}  // namespace reachback::agent::builtin
