#include "agent/supervisor/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"

namespace reachback::agent {
namespace {

std::string hex(const ActionId& action) {
  return to_hex(action.bytes());
}

std::string_view suffix(pb::UploadKind kind) {
  switch (kind) {
    case pb::RAW_STDOUT:
      return "stdout";
    case pb::RAW_STDERR:
      return "stderr";
    default:
      return "result";
  }
}

Result<Fd> make_file(const std::string& path) {
  return open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
}

class FolderSpool : public Spool {
 public:
  explicit FolderSpool(const std::string& state_folder)
      : spool_(state_folder + "/spool"), work_(state_folder + "/work") {}
  Result<void> make_folders(const std::string& state_folder) const {
    RB_TRY(make_folder(spool_));
    RB_TRY(make_folder(work_));
    return sync_folder(state_folder);
  }

  Result<StreamFiles> make_streams(const ActionId& action, std::uint32_t index) override;
  Result<Fd> make_result(const ActionId& action, std::uint32_t index) override;
  Result<Fd> open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) override;
  Result<void> sync(const Fd& file) override;
  void remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) override;
  Result<std::string> work_folder(const ActionId& action) override;
  void remove_work_folder(const ActionId& action) override;
  void remove_others(const std::set<ActionId>& keep) override;

 private:
  std::string path(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const;
  const std::string spool_;
  const std::string work_;
};

std::string FolderSpool::path(const ActionId& action, std::uint32_t index,
                              pb::UploadKind kind) const {
  return spool_ + "/" + hex(action) + "-" + std::to_string(index) + "." + std::string(suffix(kind));
}

Result<StreamFiles> FolderSpool::make_streams(const ActionId& action, std::uint32_t index) {
  StreamFiles out;
  RB_TRY_ASSIGN(out.out, make_file(path(action, index, pb::RAW_STDOUT)));
  RB_TRY_ASSIGN(out.err, make_file(path(action, index, pb::RAW_STDERR)));
  return out;
}

Result<Fd> FolderSpool::make_result(const ActionId& action, std::uint32_t index) {
  return make_file(path(action, index, pb::RESULT));
}

Result<Fd> FolderSpool::open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) {
  return open_file(path(action, index, kind), O_RDONLY | O_NOFOLLOW);
}

Result<void> FolderSpool::sync(const Fd& file) {
  RB_TRY(sync_file(file.get()));
  return sync_folder(spool_);
}

void FolderSpool::remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) {
  ::unlink(path(action, index, kind).c_str());
}

Result<std::string> FolderSpool::work_folder(const ActionId& action) {
  std::string folder = work_ + "/" + hex(action);
  RB_TRY(make_folder(folder));
  return folder;
}

void FolderSpool::remove_work_folder(const ActionId& action) {
  const std::string folder = work_ + "/" + hex(action);
  if (auto removed = remove_tree(folder); !removed.ok()) {
    log_warning("the working folder stays", {field("why", removed.error().message)});
  }
}

void FolderSpool::remove_others(const std::set<ActionId>& keep) {
  std::set<std::string> names;
  for (const ActionId& action : keep) {
    names.insert(hex(action));
  }
  for (const std::string& folder : {spool_, work_}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (!names.contains(name.substr(0, 32))) {
        static_cast<void>(remove_tree(entry.path().string()));
      }
    }
  }
}

}  // namespace

Result<std::unique_ptr<Spool>> make_folder_spool(const std::string& state_folder) {
  auto spool = std::make_unique<FolderSpool>(state_folder);
  RB_TRY(spool->make_folders(state_folder));
  return std::unique_ptr<Spool>(std::move(spool));
}

}  // namespace reachback::agent
