#include "server/wire/console_folder.h"

#include <filesystem>

#include "base/file.h"
#include "base/log.h"

namespace reachback::server {

std::string default_console_folder(const std::string& program) {
  const auto folder = std::filesystem::path(program).parent_path();  // PREFIX/bin
  const auto installed = folder.parent_path() / "share" / "reachback" / "console";
  if (path_exists((installed / "index.html").string())) {
    return installed.string();
  }
  const auto tree = folder.parent_path().parent_path().parent_path();  // of TREE/build/PRESET/bin
  if (!path_exists((tree / "CMakePresets.json").string())) {
    return "";
  }
  for (const char* made : {"build/console", "console/dist"}) {
    if (path_exists((tree / made / "index.html").string())) {
      return (tree / made).string();
    }
  }
  return "";
}

Result<ConsoleFiles> load_console(const Config& config) {
  RB_TRY_ASSIGN(auto limits, rest::Limits::load());
  const ConsoleLimits most{limits.value(config.profile, "console_bytes"),
                           limits.value(config.profile, "console_files")};
  if (config.console_folder) {
    if (config.console_folder->empty()) {
      return ConsoleFiles();
    }
    return ConsoleFiles::load(*config.console_folder, most);
  }
  std::error_code ignored;
  const std::string folder =
      default_console_folder(std::filesystem::read_symlink("/proc/self/exe", ignored).string());
  if (folder.empty()) {
    return ConsoleFiles();
  }
  auto files = ConsoleFiles::load(folder, most);
  if (!files) {
    log_warning("the web console is not served",
                {field("folder", folder), field("why", files.error().message)});
    return ConsoleFiles();
  }
  return files;
}

}  // namespace reachback::server
