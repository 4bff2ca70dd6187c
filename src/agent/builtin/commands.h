// The built-in commands, a file each. Paths that a responder names are looked at within the roots
// of the machine's owner only (cd, dir, fileinfo, findfile); the others read fixed places, which
// no root narrows. A Result's error is the line that says why nothing could be answered; what else
// goes wrong is a note of the output, and the command goes on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/builtin/output.h"
#include "agent/builtin/system.h"
#include "base/result.h"

namespace reachback::agent::builtin {

class Request {
 public:
  Request(const System& system, std::string folder, std::vector<std::string> roots,
          std::map<std::string, std::string, std::less<>> parameters)
      : system_(system),
        folder_(std::move(folder)),
        roots_(std::move(roots)),
        parameters_(std::move(parameters)) {}

  const System& system() const { return system_; }
  const std::vector<std::string>& roots() const { return roots_; }
  const std::string& folder() const { return folder_; }
  std::optional<std::string> text(std::string_view name) const {
    const auto found = parameters_.find(name);
    return found != parameters_.end() ? std::optional(found->second) : std::nullopt;
  }
  bool is_on(std::string_view name) const { return text(name) == "true"; }
  // A path that may begin at the current folder; ".." is left for the kernel to walk.
  std::string absolute(const std::string& path) const {
    return path.starts_with('/') ? path : folder_ + (folder_.ends_with('/') ? "" : "/") + path;
  }
  // What a path that a responder named leads to. Errors: System::find()'s.
  Result<Found> find(const std::string& path, int flags = 0) const {
    return system_.find(absolute(path), flags, roots_);
  }

 private:
  const System& system_;
  const std::string folder_;
  const std::vector<std::string> roots_;
  const std::map<std::string, std::string, std::less<>> parameters_;
};

// path. One row: where it led, the current folder of the lines that follow.
Result<void> change_folder(const Request& request, Output& output);
// [path] [full_path]. A row for each name, sorted; a folder of more than 100,000 is told unsorted,
// with a note (NotSorted), so that no folder takes more memory. A path that is no folder: its row.
Result<void> list_folder(const Request& request, Output& output);
// path. Its row; of a link two, the link's and that of what it leads to. Files are hashed up to
// the length that they had when they were found; those that become shorter, and those that the
// kernel makes, are not.
Result<void> tell_file(const Request& request, Output& output);
// name [path]. Without a path: below /, or below each of the roots. Follows no link, and goes into
// no other file system whose files the kernel makes (proc, sysfs, cgroup, debugfs, tracefs, …; it
// does go into /dev, where people hide files). What mounts itself stays as it is. Not more than 400
// folders deep, which is noted.
Result<void> find_files(const Request& request, Output& output);
// [pid | name]. Sorted by pid. name: of the process, or the last part of its program's path or of
// its first word.
Result<void> list_processes(const Request& request, Output& output);
// TCP and UDP, of the network namespace that the agent is in.
Result<void> list_connections(const Request& request, Output& output);
Result<void> list_services(const Request& request, Output& output);
Result<void> list_scheduled_tasks(const Request& request, Output& output);
Result<void> list_persistence(const Request& request, Output& output);
Result<void> list_users(const Request& request, Output& output);

}  // namespace reachback::agent::builtin
