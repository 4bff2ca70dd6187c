// The simulated disk under CrashVfs: files with what is written, what is synced and what lies
// between. Not thread-safe: its owner has the lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/crash_vfs.h"
#include "testing/seeded_random.h"

namespace reachback::testing {

struct CrashFile;

// What lies under a name, and who has it locked (SQLite's five levels).
struct CrashNode {
  // A write, or a truncation to `offset`.
  struct Change {
    bool truncation = false;
    std::uint64_t offset = 0;
    std::string bytes;
  };
  std::string content;  // as every process sees it
  std::string durable;  // as the disk has it
  std::vector<Change> unsynced;
  bool name_is_durable = false;

  int shared = 0;
  CrashFile* reserved = nullptr;
  CrashFile* exclusive = nullptr;              // also while waiting for readers to go
  std::vector<std::unique_ptr<char[]>> index;  // the shared-memory regions
  std::vector<CrashFile*> index_users;
};

class CrashDisk {
 public:
  explicit CrashDisk(std::uint64_t seed) : random_(seed) {}

  enum class Outcome { done, no_power, full };

  std::shared_ptr<CrashNode> find(const std::string& name);
  std::shared_ptr<CrashNode> make(const std::string& name);  // nullptr: no power
  Outcome write(CrashNode& node, std::uint64_t offset, std::string_view bytes);
  Outcome truncate(CrashNode& node, std::uint64_t size);
  bool sync(CrashNode& node);  // false: failed or no power
  bool remove(const std::string& name, bool and_sync_folder);

  void cut_power_at(std::uint64_t step) {
    cut_at_ = step;
    steps_ = 0;
  }
  bool power_is_off() const { return off_; }
  std::uint64_t steps() const { return steps_; }
  void fail_sync(std::uint64_t nth) { failing_sync_ = nth; }
  void fail_syncs(bool fail) { syncs_fail_ = fail; }
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void restart(CrashVfs::Loss loss);

 private:
  bool step();  // false: no power, or it goes now
  std::uint64_t used() const;
  void sync_folder();  // creations and deletions so far are durable
  void survive(CrashNode& node, CrashVfs::Loss loss);
  static void apply(std::string& content, const CrashNode::Change& change);

  SeededRandom random_;
  std::uint64_t cut_at_ = 0;
  std::uint64_t steps_ = 0;
  bool off_ = false;
  bool syncs_fail_ = false;
  std::uint64_t failing_sync_ = 0;  // counts down
  std::uint64_t capacity_ = UINT64_MAX;
  std::map<std::string, std::shared_ptr<CrashNode>> names_;
  // Deleted without a sync of the folder: may come back.
  std::map<std::string, std::shared_ptr<CrashNode>> deleted_;
};

}  // namespace reachback::testing
