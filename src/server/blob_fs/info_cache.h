// What was read of blobs' trailers lately, so that a link can be minted without a trip to the
// threads that read the disk. An entry counts only while the file under the name is the one it was
// read from. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "server/blob_fs/blob_folder.h"

namespace reachback::server {

class InfoCache {
 public:
  std::optional<BlobInfo> find(const std::string& key, const FileMark& mark) const {
    MutexLock lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end() || !(found->second.mark == mark)) {
      return std::nullopt;
    }
    return found->second.info;
  }
  void keep(const std::string& key, const FileMark& mark, const BlobInfo& info) {
    MutexLock lock(mutex_);
    if (entries_.size() >= kEntriesMax) {
      entries_.clear();  // Rare and cheap to fill again; keeps no order to maintain on every look.
    }
    entries_[key] = Entry{mark, info};
  }

 private:
  static constexpr std::size_t kEntriesMax = 10'000;  // about 2 MB
  struct Entry {
    FileMark mark;
    BlobInfo info;
  };
  mutable Mutex mutex_;
  std::unordered_map<std::string, Entry> entries_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
