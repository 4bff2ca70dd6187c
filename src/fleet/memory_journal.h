// A journal that no disk holds: what the agent may do is decided by its state in memory, and a run
// of the fleet that ends in good order leaves that state to the next one. One that is killed leaves
// nothing: its agents come back with new journals, as machines do that lost their disks. Loop
// thread only.
#pragma once

#include <memory>
#include <string>

#include "agent/journal/journal.h"

namespace reachback::fleet {

class MemoryJournal {
 public:
  // saved: of save(); empty: a new journal. Damaged: a new one, too, as the journal has it.
  // clock and random outlive it.
  static Result<MemoryJournal> open(std::string saved, const Clock& clock, Random& random);

  agent::Journal& get() const { return *journal_; }
  // Some dozens of bytes where the agent has nothing to do, more for each action of the last weeks.
  std::string save(Timestamp now) const;

 private:
  MemoryJournal(std::unique_ptr<agent::FileLayer> files, std::unique_ptr<agent::Journal> journal);
  std::unique_ptr<agent::FileLayer> files_;
  std::unique_ptr<agent::Journal> journal_;
};

}  // namespace reachback::fleet
