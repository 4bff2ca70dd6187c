#include "agent/builtin/place_teller.h"

#include <fcntl.h>

#include "base/bytes.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kDetailBytesMax = 1000;

}  // namespace

void PlaceTeller::tell(std::string_view kind, const std::string& path, const std::string& detail) {
  auto found = system_.find(path);
  if (!found.ok()) {
    found = system_.find(path, O_NOFOLLOW);
  }
  if (!found.ok()) {
    if (found.error().code != Errc::not_found) {
      output_.note(found.error());
    }
    return;
  }
  const std::string shown(cut_utf8(to_valid_utf8(detail), kDetailBytesMax));
  output_.add(Row()
                  .add("kind", kind)
                  .add("modified", modified_of(found->status))
                  .add("owner", names_.user(found->status.stx_uid))
                  .add("path", path)
                  .add("detail", detail.empty() ? std::nullopt : std::optional(shown))
                  .add("permissions", permissions_of(found->status))
                  .add("real_path", found->path));
}

void PlaceTeller::each_file(const std::vector<std::string>& folders,
                            const std::function<void(const std::string&)>& file) {
  std::set<std::string> seen;
  for (const auto& folder : folders) {
    const auto found = system_.find(folder, O_DIRECTORY);
    if (!found.ok() || !seen.insert(found->path).second) {
      continue;
    }
    for (const auto& name : system_.names(folder, output_)) {
      const std::string path = path_in(folder, name);
      const auto entry = system_.find(path);
      if (!(entry.ok() && S_ISDIR(entry->status.stx_mode))) {
        file(path);
      }
    }
  }
}

}  // namespace reachback::agent::builtin
