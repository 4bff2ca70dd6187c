#include "agent/collect/collect.h"

#include <algorithm>

#include "agent/collect/package.h"
#include "agent/command/fetch_file.h"
#include "agent/command/result_writer.h"
#include "base/bytes.h"
#include "base/time.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kNameBytesMax = 64;

// "collect-web-01.zip"; what no file's name should have is left out.
std::string name_of_package(const builtin::System& system) {
  builtin::Output nobody([](std::string_view) {}, [](std::string_view) {});
  std::string name = "collect-";
  for (const char c : system.text("/etc/hostname", nobody, kNameBytesMax).value_or("")) {
    if (std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
            .find(c) != std::string_view::npos) {
      name += c;
    }
  }
  return (name.ends_with('-') ? name + "machine" : name) + ".zip";
}

}  // namespace

Result<pb::FetchReport> collect_package(const CollectOrder& order, const std::string& root,
                                        int out_fd) {
  RB_TRY_ASSIGN(const builtin::System system, builtin::System::open(root));
  const std::string name = name_of_package(system);
  collect::ZipWriter zip(out_fd);
  RB_TRY(collect::Package(system, root, order.roots, zip).fill(name));
  RB_TRY(zip.finish());
  auto digest = digest_file(out_fd);
  if (!digest.ok()) {
    return Error{Errc::io, "ReadFailed: the package: " + digest.error().message};
  }
  pb::FetchReport report;
  report.set_path(name);
  report.set_bytes(digest->bytes);
  report.set_sha256(std::string(as_bytes(digest->sha256)));
  report.set_stored_bytes(digest->bytes);
  report.set_stored_sha256(std::string(as_bytes(digest->sha256)));
  return report;
}

ProcessSpec collect_process(const CollectOrder& order, int out_fd, const ActionId& action,
                            std::uint32_t index) {
  std::vector<std::string> words = {kCollectCommand};
  words.insert(words.end(), order.roots.begin(), order.roots.end());
  return file_process(std::move(words), out_fd, action, index);
}

int run_collect(int argc, char** argv) {
  constexpr int kFirstRoot = 2;
  CollectOrder order;
  order.roots.assign(argv + std::min(kFirstRoot, argc), argv + argc);
  return tell_fetch_report(collect_package(order, "", kScriptFd));
}

}  // namespace reachback::agent
