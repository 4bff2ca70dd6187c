// Puts what was seen of a run of real processes into one history for the checker: the database's
// own list of its commits, what scripts wrote when they started and ended, what clients were told,
// and the files of the blob store. tests/chaos writes these files; README.md there has their lines.
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "history.h"

namespace reachback::sim {

struct JoinInput {
  std::istream& rows;  // JSON a line: one version of one action each, in the order of the commits
  std::istream& effects;  // "start NS ACTION INDEX INTENT BEFORE" and "end NS ACTION INDEX"
  std::istream& clients;  // events as history.h writes them: answered, minted, fetched, quiet
  std::istream& blobs;    // JSON a line: at_us, blob, sha256
};

// The events in one order, with `ended` at the end: behind every deadline where every action has
// ended (nothing can follow that), else right behind the last event. Errors: corrupt, with the
// line.
Result<std::vector<Event>> join(const JoinInput& input);

}  // namespace reachback::sim
