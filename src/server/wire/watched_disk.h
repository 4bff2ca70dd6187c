// The machine's disk, which tells of a sync that failed (F14).
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "server/blob_fs/disk.h"

namespace reachback::server {

// on_failed: on any thread, for each failed sync.
class WatchedDisk : public Disk {
 public:
  explicit WatchedDisk(std::function<void(const Error&)> on_failed)
      : on_failed_(std::move(on_failed)) {}
  Result<void> sync_file(int fd) override { return watched(Disk::sync_file(fd)); }
  Result<void> sync_folder(const std::string& folder) override {
    return watched(Disk::sync_folder(folder));
  }

 private:
  Result<void> watched(Result<void> done) {
    if (!done && done.error().code == Errc::io) {
      on_failed_(done.error());
    }
    return done;
  }
  std::function<void(const Error&)> on_failed_;
};

}  // namespace reachback::server
