#include "agent/builtin/place_teller.h"

#include <fcntl.h>

#include <set>

#include "base/bytes.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kDetailBytesMax = 1000;

}  // namespace

std::optional<Found> PlaceTeller::look(const std::string& path) {
  auto found = system_.find(path);
  if (!found.ok()) {
    found = system_.find(path, O_NOFOLLOW);
  }
  if (found.ok()) {
    return std::move(*found);
  }
  if (found.error().code != Errc::not_found) {
    output_.note(found.error());
  }
  return std::nullopt;
}

std::size_t PlaceTeller::each_entry(const std::vector<std::string>& folders, const Take& take,
                                    std::size_t names_max) {
  std::size_t count = 0;
  std::set<std::string> seen;
  for (const auto& folder : folders) {
    const auto found = system_.find(folder, O_DIRECTORY);
    if (!found.ok() || !seen.insert(found->path).second) {
      continue;
    }
    for (const auto& name : system_.names(folder, output_, names_max - count)) {
      ++count;
      const std::string path = path_in(folder, name);
      if (const auto entry = look(path)) {
        take(path, *entry);
      }
    }
  }
  return count;
}

std::size_t PlaceTeller::each_file(const std::vector<std::string>& folders, const Take& take,
                                   std::size_t names_max) {
  const auto files_only = [&take](const std::string& path, const Found& found) {
    if (!S_ISDIR(found.status.stx_mode)) {
      take(path, found);
    }
  };
  return each_entry(folders, files_only, names_max);
}

void PlaceTeller::tell(std::string_view kind, const std::string& path, const Found& found,
                       const std::string& detail) {
  const std::string shown(cut_utf8(to_valid_utf8(detail), kDetailBytesMax));
  output_.add(Row()
                  .add("kind", kind)
                  .add("modified", modified_of(found.status))
                  .add("owner", names_.user(found.status.stx_uid))
                  .add("path", path)
                  .add("detail", detail.empty() ? std::nullopt : std::optional(shown))
                  .add("permissions", permissions_of(found.status))
                  .add("real_path", found.path));
}

void PlaceTeller::tell(std::string_view kind, const std::string& path) {
  if (const auto found = look(path)) {
    tell(kind, path, *found);
  }
}

}  // namespace reachback::agent::builtin
