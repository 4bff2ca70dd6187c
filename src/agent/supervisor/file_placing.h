// PutFile: puts a library file into the working folder of its action, a slice at a time, so that
// the loop goes on meanwhile. Loop thread only.
#pragma once

#include <string>

#include "agent/supervisor/spool.h"

namespace reachback::agent {

class FilePlacing {
 public:
  // from: sealed, and its bytes checked against the order. to: of make_work_file().
  FilePlacing(Spool& spool, const ActionId& action, std::uint32_t index, std::string name, Fd from,
              Fd to);

  // One slice; true: the file stands under its name, whole. Errors, as "<Word>: …" for
  // CommandEnded.errors: storage_full (DiskFull), else CouldNotPlace; then nothing stands there.
  Result<bool> place_some();

 private:
  Spool& spool_;
  const ActionId action_;
  const std::uint32_t index_;
  const std::string name_;
  Fd from_;
  Fd to_;
  std::uint64_t placed_ = 0;
};

}  // namespace reachback::agent
