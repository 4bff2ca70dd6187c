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

}  // namespace

Result<Spool> Spool::create(const std::string& state_folder) {
  Spool out;
  out.spool_ = state_folder + "/spool";
  out.work_ = state_folder + "/work";
  RB_TRY(make_folder(out.spool_));
  RB_TRY(make_folder(out.work_));
  RB_TRY(sync_folder(state_folder));
  return out;
}

std::string Spool::path(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const {
  return spool_ + "/" + hex(action) + "-" + std::to_string(index) + "." + std::string(suffix(kind));
}

Result<StreamFiles> Spool::make_streams(const ActionId& action, std::uint32_t index) const {
  StreamFiles out;
  RB_TRY_ASSIGN(out.out, make_file(path(action, index, pb::RAW_STDOUT)));
  RB_TRY_ASSIGN(out.err, make_file(path(action, index, pb::RAW_STDERR)));
  return out;
}

Result<Fd> Spool::make_result(const ActionId& action, std::uint32_t index) const {
  return make_file(path(action, index, pb::RESULT));
}

Result<Fd> Spool::open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const {
  return open_file(path(action, index, kind), O_RDONLY | O_NOFOLLOW);
}

Result<void> Spool::sync(const Fd& file) const {
  RB_TRY(sync_file(file.get()));
  return sync_folder(spool_);
}

void Spool::remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const {
  ::unlink(path(action, index, kind).c_str());
}

Result<std::string> Spool::work_folder(const ActionId& action) const {
  std::string folder = work_ + "/" + hex(action);
  RB_TRY(make_folder(folder));
  return folder;
}

void Spool::remove_work_folder(const ActionId& action) const {
  const std::string folder = work_ + "/" + hex(action);
  if (auto removed = remove_tree(folder); !removed.ok()) {
    log_warning("the working folder stays", {field("why", removed.error().message)});
  }
}

void Spool::remove_others(const std::set<ActionId>& keep) const {
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

}  // namespace reachback::agent
