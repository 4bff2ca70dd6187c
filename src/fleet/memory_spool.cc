#include "fleet/memory_spool.h"

#include <fcntl.h>

#include "agent/ports/memory_file.h"

namespace reachback::fleet {
namespace {

// The same open file: everybody reads at offsets of their own.
Result<Fd> same(const Fd& file) {
  Fd out(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  return out.valid() ? Result<Fd>(std::move(out)) : errno_error("spool");
}

}  // namespace

Result<Fd> MemorySpool::make(const Key& key) {
  RB_TRY_ASSIGN(Fd file, agent::make_memory_file());
  RB_TRY_ASSIGN(Fd kept, same(file));
  files_.insert_or_assign(key, std::move(kept));
  return file;
}

Result<agent::StreamFiles> MemorySpool::make_streams(const ActionId& action, std::uint32_t index) {
  agent::StreamFiles out;
  RB_TRY_ASSIGN(out.out, make({action, index, pb::RAW_STDOUT}));
  RB_TRY_ASSIGN(out.err, make({action, index, pb::RAW_STDERR}));
  return out;
}

Result<Fd> MemorySpool::make_result(const ActionId& action, std::uint32_t index) {
  return make({action, index, pb::RESULT});
}

Result<Fd> MemorySpool::open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) {
  const auto found = files_.find({action, index, kind});
  return found == files_.end() ? Error{Errc::not_found, "spool: no such file"}
                               : same(found->second);
}

void MemorySpool::remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) {
  files_.erase({action, index, kind});
}

Result<Fd> MemorySpool::make_work_file(const ActionId&, std::uint32_t) {
  return agent::make_memory_file();
}

void MemorySpool::remove_others(const std::set<ActionId>& keep, const BootId&) {
  std::erase_if(files_, [&](const auto& file) { return !keep.contains(std::get<0>(file.first)); });
}

}  // namespace reachback::fleet
