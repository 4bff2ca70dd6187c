#include "agent/supervisor/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
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
  Result<Fd> make_work_file(const ActionId& action, std::uint32_t index) override;
  Result<void> place_file(const ActionId& action, std::uint32_t index,
                          const std::string& name) override;
  Result<void> keep_work_folder(const ActionId& action, const BootId& boot) override;
  void remove_work_folder(const ActionId& action) override;
  void remove_others(const std::set<ActionId>& keep, const BootId& boot) override;

 private:
  std::string path(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const;
  std::string folder(const ActionId& action) const { return work_ + "/" + hex(action); }
  // Beside the folder: the boot in which it is kept.
  std::string mark(const ActionId& action) const { return folder(action) + ".kept"; }
  std::string new_file(const ActionId& action, std::uint32_t index) const {
    return folder(action) + "/.placing-" + std::to_string(index);
  }
  void add_kept(std::set<std::string>& names, const BootId& boot) const;
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
  RB_TRY(make_folder(folder(action)));
  return folder(action);
}

Result<Fd> FolderSpool::make_work_file(const ActionId& action, std::uint32_t index) {
  RB_TRY(make_folder(folder(action)));
  return make_file(new_file(action, index));
}

Result<void> FolderSpool::place_file(const ActionId& action, std::uint32_t index,
                                     const std::string& name) {
  const std::string from = new_file(action, index);
  const std::string to = folder(action) + "/" + name;
  if (::chmod(from.c_str(), 0700) != 0) {
    return errno_error("chmod", from);
  }
  return ::rename(from.c_str(), to.c_str()) == 0 ? Result<void>() : errno_error("place", name);
}

Result<void> FolderSpool::keep_work_folder(const ActionId& action, const BootId& boot) {
  return write_file_durably(mark(action), to_hex(boot.bytes()));
}

void FolderSpool::remove_work_folder(const ActionId& action) {
  if (path_exists(mark(action))) {
    return;
  }
  if (auto removed = remove_tree(folder(action)); !removed.ok()) {
    log_warning("the working folder stays", {field("why", removed.error().message)});
  }
}

void FolderSpool::add_kept(std::set<std::string>& names, const BootId& boot) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(work_, error)) {
    if (entry.path().extension() == ".kept") {
      auto kept_in = read_file(entry.path().string(), 2 * BootId::kBytes);
      if (kept_in.ok() && *kept_in == to_hex(boot.bytes())) {
        names.insert(entry.path().stem().string());
      }
    }
  }
}

void FolderSpool::remove_others(const std::set<ActionId>& keep, const BootId& boot) {
  std::set<std::string> names;
  for (const ActionId& action : keep) {
    names.insert(hex(action));
  }
  std::set<std::string> work_names = names;
  add_kept(work_names, boot);
  for (const std::string& place : {spool_, work_}) {
    const auto& stay = place == work_ ? work_names : names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
      const std::string name = entry.path().filename().string();
      if (!stay.contains(name.substr(0, 32))) {
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
