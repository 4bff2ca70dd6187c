// For tests: a Disk that knows what was synced, and can lose the rest or run full.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "server/blob_fs/disk.h"

namespace reachback::server {

// Thread-safe. Passes everything on to the real disk and keeps, beside it, what a power cut would
// leave: the bytes that a file had at its last sync (nothing if it never was), and the names that a
// folder had at its own. The folder `root` itself is taken as durable.
class LosingDisk : public Disk {
 public:
  explicit LosingDisk(std::string root) : root_(std::move(root)) {}

  Result<void> write(int fd, std::string_view bytes) override {
    {
      MutexLock lock(mutex_);
      if (bytes.size() > room_) {
        room_ = 0;
        return Error{Errc::storage_full, "write: no space left (injected)"};
      }
      room_ -= bytes.size();
    }
    return Disk::write(fd, bytes);
  }
  Result<void> copy(int from, std::uint64_t offset, int to, std::uint64_t bytes) override {
    {
      MutexLock lock(mutex_);
      if (bytes > room_) {
        room_ = 0;
        return Error{Errc::storage_full, "copy: no space left (injected)"};
      }
      room_ -= bytes;
    }
    return Disk::copy(from, offset, to, bytes);
  }
  Result<void> sync_file(int fd) override {
    MutexLock lock(mutex_);
    ++syncs_;
    if (fail_syncs_ > 0) {
      --fail_syncs_;
      return Error{Errc::io, "fdatasync: input/output error (injected)"};
    }
    RB_TRY(remember_file(fd));
    return {};
  }
  Result<void> sync_folder(const std::string& folder) override {
    MutexLock lock(mutex_);
    ++folder_syncs_;
    remember_folder(folder);
    return {};
  }
  Result<void> sync_tree(const std::string& folder) override {
    MutexLock lock(mutex_);
    remember_folder(folder);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_directory()) {
        remember_folder(entry.path().string());
      } else if (!entry.is_symlink()) {
        RB_TRY_ASSIGN(Fd fd, open_file(entry.path().string(), O_RDONLY));
        RB_TRY(remember_file(fd.get()));
      }
    }
    return {};
  }
  Result<std::uint64_t> free_bytes(const std::string&) override {
    MutexLock lock(mutex_);
    return room_;
  }

  // The power goes: what was not synced is undone on the real disk. Nobody uses the folder then.
  void cut_power() {
    MutexLock lock(mutex_);
    const std::string aside = root_ + ".after";
    std::filesystem::remove_all(aside);
    rebuild(root_, aside);
    std::filesystem::remove_all(root_);
    std::filesystem::rename(aside, root_);
    files_.clear();
    folders_.clear();
  }
  // So many bytes may be written from now on.
  void set_room(std::uint64_t bytes) {
    MutexLock lock(mutex_);
    room_ = bytes;
  }
  void fail_syncs(int count) {
    MutexLock lock(mutex_);
    fail_syncs_ = count;
  }
  int syncs() const {
    MutexLock lock(mutex_);
    return syncs_;
  }
  int folder_syncs() const {
    MutexLock lock(mutex_);
    return folder_syncs_;
  }

 private:
  using Node = std::pair<dev_t, ino_t>;
  struct File {
    Fd held;  // so that the inode number is not used again
    std::string bytes;
  };

  static Node node_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

  Result<void> remember_file(int fd) RB_REQUIRES(mutex_) {
    struct stat status{};
    ::fstat(fd, &status);
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    RB_TRY_ASSIGN(std::size_t n, read_at(fd, bytes.data(), bytes.size(), 0));
    bytes.resize(n);
    files_[node_of(status)] = File{Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), std::move(bytes)};
    return {};
  }
  void remember_folder(const std::string& folder) RB_REQUIRES(mutex_) {
    std::map<std::string, Node> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      struct stat status{};
      ::lstat(entry.path().c_str(), &status);
      names[entry.path().filename().string()] = node_of(status);
      is_folder_[node_of(status)] = S_ISDIR(status.st_mode);
      links_[node_of(status)] =
          S_ISLNK(status.st_mode) ? std::filesystem::read_symlink(entry.path()).string() : "";
    }
    folders_[folder] = std::move(names);
  }
  void rebuild(const std::string& from, const std::string& to) RB_REQUIRES(mutex_) {
    std::filesystem::create_directory(to);
    for (const auto& [name, node] : folders_[from]) {
      if (is_folder_[node]) {
        rebuild(from + "/" + name, to + "/" + name);
        continue;
      }
      if (!links_[node].empty()) {
        std::filesystem::create_symlink(links_[node], to + "/" + name);
        continue;
      }
      auto fd = open_file(to + "/" + name, O_WRONLY | O_CREAT | O_EXCL);
      auto it = files_.find(node);
      if (fd && it != files_.end()) {
        (void)write_all(fd->get(), it->second.bytes).ok();
      }
    }
  }

  const std::string root_;
  mutable Mutex mutex_;
  std::map<Node, File> files_ RB_GUARDED_BY(mutex_);
  std::map<Node, bool> is_folder_ RB_GUARDED_BY(mutex_);
  std::map<Node, std::string> links_ RB_GUARDED_BY(mutex_);  // what symbolic links say; or ""
  std::map<std::string, std::map<std::string, Node>> folders_ RB_GUARDED_BY(mutex_);
  std::uint64_t room_ RB_GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max() / 2;
  int syncs_ RB_GUARDED_BY(mutex_) = 0;
  int folder_syncs_ RB_GUARDED_BY(mutex_) = 0;
  int fail_syncs_ RB_GUARDED_BY(mutex_) = 0;
};

}  // namespace reachback::server
