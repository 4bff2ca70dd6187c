// A file layer for SQLite in memory that knows what was synced. At a power loss it drops what was
// not, all of it or a seeded random part in any order; it can also fail syncs and be full. Source:
// decisions.md 25, trust.md F12, F14, F16.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace reachback::testing {

// Registered with SQLite under name() as long as it lives; every connection must be closed before
// restart() and before it goes away. Thread-safe.
class CrashVfs {
 public:
  enum class Loss {
    all,     // nothing survives that was not synced
    random,  // of each unsynced write, each 512-byte sector survives or not
  };

  explicit CrashVfs(std::uint64_t seed);
  ~CrashVfs();
  CrashVfs(const CrashVfs&) = delete;
  CrashVfs& operator=(const CrashVfs&) = delete;

  const std::string& name() const;

  // The power goes at the `step`th change (write, truncation, sync, creation, deletion) from now;
  // that one has no outcome and everything after it is an I/O error. 0: never.
  void cut_power_at(std::uint64_t step);
  bool power_is_off() const;
  // Changes since the last cut_power_at() or restart().
  std::uint64_t steps() const;
  // The power is back, with what survived. Without an earlier cut it goes off now.
  void restart(Loss loss);

  // The `nth` sync from now fails; 0: none. fail_syncs: all do. As with a real disk, what a failed
  // sync should have written is lost and a later sync does not write it (the kernel has dropped the
  // pages).
  void fail_sync(std::uint64_t nth);
  void fail_syncs(bool fail);
  // Writes beyond this many bytes over all files are refused as on a full disk.
  void set_capacity(std::uint64_t bytes);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace reachback::testing
