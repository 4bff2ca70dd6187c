// Where outputs wait until the server has them, and where scripts work. One file per stream, named
// by action and index; nothing in a name comes from outside but the names of placed files.
#pragma once

#include <memory>
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
  virtual ~Spool() = default;
  // Empty files for the streams of a command. Errors: storage_full, io.
  virtual Result<StreamFiles> make_streams(const ActionId& action, std::uint32_t index) = 0;
  // An empty file for the result.
  virtual Result<Fd> make_result(const ActionId& action, std::uint32_t index) = 0;
  virtual Result<Fd> open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) = 0;
  // The names and bytes of what make_* made survive a power loss.
  virtual Result<void> sync(const Fd& file) = 0;
  virtual void remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) = 0;
  // The working folder of an action's scripts, made if needed.
  virtual Result<std::string> work_folder(const ActionId& action) = 0;
  // An empty file in the working folder, under a name of its own until place_file() gives it the
  // one that scripts find it by, and mode 0700. What stood there is replaced; a folder is an error.
  virtual Result<Fd> make_work_file(const ActionId& action, std::uint32_t index) = 0;
  virtual Result<void> place_file(const ActionId& action, std::uint32_t index,
                                  const std::string& name) = 0;
  // The working folder outlives its action, until another run of the machine's kernel.
  virtual Result<void> keep_work_folder(const ActionId& action, const BootId& boot) = 0;
  // Unless it is kept.
  virtual void remove_work_folder(const ActionId& action) = 0;
  // Removes what belongs to no action of `keep` and is not kept in this boot: left by a crash.
  virtual void remove_others(const std::set<ActionId>& keep, const BootId& boot) = 0;
};

// state_folder/spool and state_folder/work, made if needed. Errors: io, storage_full.
Result<std::unique_ptr<Spool>> make_folder_spool(const std::string& state_folder);

}  // namespace reachback::agent
