#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/command/find_file.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kSortedMax = kNamesMax;

class Lister {
 public:
  Lister(const Request& request, Output& output)
      : full_path_(request.is_on("full_path")), names_(request.system(), output), output_(output) {}

  // parent: the folder's path. name: in `folder`; "": of the descriptor itself.
  void tell(int folder, const char* name, const std::string& parent, std::string_view shown_name) {
    const std::string full = (parent == "/" ? "/" : parent + "/") + std::string(shown_name);
    const auto status = status_of(folder, name);
    if (!status && errno == ENOENT) {
      return;  // it went meanwhile
    }
    Row row;
    if (status) {
      row.add("permissions", permissions_of(*status))
          .add("owner", names_.user(status->stx_uid))
          .add("size", status->stx_size)
          .add("modified", modified_of(*status));
    } else {
      output_.note(path_error(full, errno));
      for (const char* unknown : {"permissions", "owner", "size", "modified"}) {
        row.add(unknown, std::nullopt);
      }
    }
    row.add("name", full_path_ ? std::string_view(full) : shown_name);
    row.add("target", status && S_ISLNK(status->stx_mode) ? target_of(folder, name) : std::nullopt);
    if (status) {
      row.add("type", type_of(*status)).add("group", names_.group(status->stx_gid));
    } else {
      row.add("type", std::nullopt).add("group", std::nullopt);
    }
    output_.add(row);
  }

  Result<void> tell_all(const Found& found) {
    RB_TRY_ASSIGN(Folder folder, Folder::open(found.handle.get(), found.path));
    std::vector<std::string> names;
    auto entry = folder.next();
    for (; entry && names.size() < kSortedMax; entry = folder.next()) {
      names.emplace_back(entry->name);
    }
    int error = errno;
    if (!entry) {
      std::sort(names.begin(), names.end());
    } else {
      output_.note("NotSorted: " + shown_path(found.path) + ": has more than " +
                   std::to_string(kSortedMax) + " names");
      // Good until the next one is asked for, and gathered with the others till then.
      names.emplace_back(entry->name);
    }
    for (const auto& name : names) {
      tell(folder.fd(), name.c_str(), found.path, name);
    }
    while (entry) {
      entry = folder.next();
      error = errno;
      if (entry) {
        tell(folder.fd(), entry->name, found.path, entry->name);
      }
    }
    return error == 0 ? Result<void>() : path_error(found.path, error);
  }

 private:
  const bool full_path_;
  Names names_;
  Output& output_;
};

}  // namespace

Result<void> list_folder(const Request& request, Output& output) {
  const std::string path = request.text("path").value_or(request.folder());
  Lister lister(request, output);
  auto found = request.find(path);
  if (found.ok() && S_ISDIR(found->status.stx_mode)) {
    return lister.tell_all(*found);
  }
  if (!found.ok() && found.error().code == Errc::forbidden) {
    return found.error();
  }
  // A link stands for itself, also one that leads nowhere.
  RB_TRY_ASSIGN(const Found named, request.find(path, O_NOFOLLOW));
  const auto slash = named.path.rfind('/');
  lister.tell(named.handle.get(), "", slash == 0 ? "/" : named.path.substr(0, slash),
              std::string_view(named.path).substr(slash + 1));
  return {};
}

}  // namespace reachback::agent::builtin
