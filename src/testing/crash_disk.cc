#include "testing/crash_disk.h"

#include <algorithm>

namespace reachback::testing {
namespace {
constexpr std::uint64_t kSectorBytes = 512;
}  // namespace

bool CrashDisk::step() {
  if (off_) {
    return false;
  }
  ++steps_;
  off_ = steps_ == cut_at_;
  return !off_;
}

std::uint64_t CrashDisk::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, node] : names_) {
    bytes += node->content.size();
  }
  return bytes;
}

void CrashDisk::apply(std::string& content, const CrashNode::Change& change) {
  if (change.truncation) {
    content.resize(std::min<std::uint64_t>(content.size(), change.offset));
    return;
  }
  std::uint64_t end = change.offset + change.bytes.size();
  if (content.size() < end) {
    content.resize(end, '\0');
  }
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

std::shared_ptr<CrashNode> CrashDisk::find(const std::string& name) {
  auto found = names_.find(name);
  return found != names_.end() ? found->second : nullptr;
}

std::shared_ptr<CrashNode> CrashDisk::make(const std::string& name) {
  if (!step()) {
    return nullptr;
  }
  auto node = std::make_shared<CrashNode>();
  names_[name] = node;
  return node;
}

CrashDisk::Outcome CrashDisk::write(CrashNode& node, std::uint64_t offset, std::string_view bytes) {
  std::uint64_t end = offset + bytes.size();
  std::uint64_t growth = end > node.content.size() ? end - node.content.size() : 0;
  if (!off_ && growth > 0 && used() + growth > capacity_) {
    return Outcome::full;
  }
  if (off_) {
    return Outcome::no_power;
  }
  bool done = step();
  // A write that the power loss meets may have reached the disk in part.
  CrashNode::Change change{false, offset, std::string(bytes)};
  apply(node.content, change);
  node.unsynced.push_back(std::move(change));
  return done ? Outcome::done : Outcome::no_power;
}

CrashDisk::Outcome CrashDisk::truncate(CrashNode& node, std::uint64_t size) {
  if (off_) {
    return Outcome::no_power;
  }
  bool done = step();
  CrashNode::Change change{true, size, ""};
  apply(node.content, change);
  node.unsynced.push_back(std::move(change));
  return done ? Outcome::done : Outcome::no_power;
}

bool CrashDisk::sync(CrashNode& node) {
  if (!step()) {
    return false;
  }
  bool fails = failing_sync_ != 0 && --failing_sync_ == 0;
  if (fails || syncs_fail_) {
    node.unsynced.clear();  // clean in the page cache, never written
    return false;
  }
  for (const auto& change : node.unsynced) {
    apply(node.durable, change);
  }
  node.unsynced.clear();
  if (!node.name_is_durable) {
    sync_folder();  // SQLite does, after it has created a log or a journal
  }
  return true;
}

void CrashDisk::sync_folder() {
  deleted_.clear();
  for (auto& [name, node] : names_) {
    node->name_is_durable = true;
  }
}

bool CrashDisk::remove(const std::string& name, bool and_sync_folder) {
  auto found = names_.find(name);
  if (found == names_.end() || !step()) {
    return false;
  }
  if (found->second->name_is_durable) {
    deleted_[name] = found->second;
  }
  names_.erase(found);
  if (and_sync_folder) {
    sync_folder();
  }
  return true;
}

void CrashDisk::survive(CrashNode& node, CrashVfs::Loss loss) {
  if (loss == CrashVfs::Loss::random) {
    constexpr std::uint64_t kChances[] = {10, 50, 90, 100};
    std::uint64_t percent = kChances[random_.below(std::size(kChances))];
    for (const auto& change : node.unsynced) {
      if (change.truncation) {
        if (random_.below(100) < percent) {
          apply(node.durable, change);
        }
        continue;
      }
      for (std::uint64_t at = 0; at < change.bytes.size();) {
        std::uint64_t sector_end = ((change.offset + at) / kSectorBytes + 1) * kSectorBytes;
        std::uint64_t size =
            std::min<std::uint64_t>(sector_end - (change.offset + at), change.bytes.size() - at);
        if (random_.below(100) < percent) {
          apply(node.durable, {false, change.offset + at, change.bytes.substr(at, size)});
        }
        at += size;
      }
    }
  }
  node.unsynced.clear();
  node.content = node.durable;
  node.index.clear();
}

void CrashDisk::restart(CrashVfs::Loss loss) {
  bool random = loss == CrashVfs::Loss::random;
  for (auto& [name, node] : deleted_) {
    if (!random || random_.below(2) == 0) {
      names_[name] = node;
    }
  }
  deleted_.clear();
  for (auto it = names_.begin(); it != names_.end();) {
    bool stays = it->second->name_is_durable || (random && random_.below(2) == 0);
    if (!stays) {
      it = names_.erase(it);
      continue;
    }
    survive(*it->second, loss);
    it->second->name_is_durable = true;
    ++it;
  }
  off_ = false;
  cut_at_ = 0;
  steps_ = 0;
}

}  // namespace reachback::testing
