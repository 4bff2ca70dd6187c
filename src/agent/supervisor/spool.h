// Where outputs wait until the server has them, and where scripts work. One file per stream, named
// by action and index; nothing in a name comes from outside.
#pragma once

#include <set>
#include <string>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

struct StreamFiles {
  Fd out;
  Fd err;
};

class Spool {
 public:
  // state_folder/spool and state_folder/work, made if needed. Errors: io, storage_full.
  static Result<Spool> create(const std::string& state_folder);

  // Empty files for the streams of a command. Errors: storage_full, io.
  Result<StreamFiles> make_streams(const ActionId& action, std::uint32_t index) const;
  // An empty file for the result.
  Result<Fd> make_result(const ActionId& action, std::uint32_t index) const;
  Result<Fd> open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const;
  // The names and bytes of what make_* made survive a power loss.
  Result<void> sync(const Fd& file) const;
  void remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const;
  // The working folder of an action's scripts, made if needed.
  Result<std::string> work_folder(const ActionId& action) const;
  void remove_work_folder(const ActionId& action) const;
  // Removes what belongs to no action of `keep`: left by a crash.
  void remove_others(const std::set<ActionId>& keep) const;

 private:
  std::string path(const ActionId& action, std::uint32_t index, pb::UploadKind kind) const;
  std::string spool_;
  std::string work_;
};

}  // namespace reachback::agent
