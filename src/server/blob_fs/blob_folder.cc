#include "server/blob_fs/blob_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/failpoint.h"

namespace reachback::server {
namespace {

// rename(2) that never replaces. false: something stands there.
Result<bool> rename_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return true;
  }
  if (errno == EEXIST) {
    return false;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return errno_error("rename", to);
  }
  if (::link(from.c_str(), to.c_str()) != 0) {  // A file system without the flag.
    return errno == EEXIST ? Result<bool>(false) : errno_error("link", to);
  }
  ::unlink(from.c_str());
  return true;
}

}  // namespace

Reservation::Reservation(std::shared_ptr<std::atomic<std::uint64_t>> total, std::uint64_t bytes)
    : total_(std::move(total)), bytes_(bytes) {}

Reservation::Reservation(Reservation&& other) noexcept
    : total_(std::move(other.total_)), bytes_(std::exchange(other.bytes_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    spend(bytes_);
    total_ = std::move(other.total_);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void Reservation::spend(std::uint64_t bytes) {
  bytes = std::min(bytes, bytes_);
  bytes_ -= bytes;
  if (total_) {
    total_->fetch_sub(bytes);
  }
}

bool WriterSet::enter(const std::string& key) {
  MutexLock lock(mutex_);
  return keys_.insert(key).second;
}
void WriterSet::leave(const std::string& key) {
  MutexLock lock(mutex_);
  keys_.erase(key);
}

StagedFile::~StagedFile() {
  if (!path_.empty()) {
    ::unlink(path_.c_str());
  }
}

BlobFolder::BlobFolder(std::string root, BlobLimits limits, std::shared_ptr<Disk> disk)
    : root_(std::move(root)),
      limits_(limits),
      disk_(std::move(disk)),
      reserved_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

Result<std::unique_ptr<BlobFolder>> BlobFolder::open(std::string root, BlobLimits limits,
                                                     std::shared_ptr<Disk> disk) {
  std::unique_ptr<BlobFolder> out(new BlobFolder(std::move(root), limits, std::move(disk)));
  RB_TRY(make_folder(out->root_ + "/blobs"));
  RB_TRY(make_folder(out->root_ + "/staging"));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(out->root_ + "/staging", error)) {
    if (!entry.is_directory(error)) {
      std::filesystem::remove(entry.path(), error);
    }
  }
  // A process that was killed between a rename and the folder's sync left a blob that is visible
  // but not yet durable; from here on "visible" means "durable".
  RB_TRY(out->disk_->sync_tree(out->root_));
  return out;
}

std::string BlobFolder::folder_of(const BlobKey& key) const {
  return root_ + "/blobs/" + key.tenant().text() + "/" + key.name().substr(0, 2);
}

std::string BlobFolder::path_of(const BlobKey& key) const {
  return folder_of(key) + "/" + key.name();
}

Result<Reservation> BlobFolder::reserve(std::uint64_t bytes) {
  RB_TRY_ASSIGN(std::uint64_t free, disk_->free_bytes(root_));
  Reservation out(reserved_, bytes);
  std::uint64_t before = reserved_->fetch_add(bytes);
  if (free < limits_.reserve_bytes || free - limits_.reserve_bytes < before ||
      free - limits_.reserve_bytes - before < bytes) {
    return Error{Errc::storage_full, "the disk of the blobs is full"};
  }
  return out;
}

Result<OpenBlob> BlobFolder::open_blob(const BlobKey& key) const {
  return open_blob_file(path_of(key));
}

std::optional<FileMark> BlobFolder::mark(const BlobKey& key) const {
  struct stat status{};
  if (::stat(path_of(key).c_str(), &status) != 0) {
    return std::nullopt;
  }
  return FileMark{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                  status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

Result<void> BlobFolder::remove(const BlobKey& key) {
  RB_TRY(drop_blocks(key));
  const std::string path = path_of(key);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) {
      return {};
    }
    return errno_error("remove", path);
  }
  return disk_->sync_folder(folder_of(key));
}

// Once per folder and process, so that a commit costs one sync of a folder and not three. The lock
// is held over the disk: whoever comes second must not go on before the folder is durable.
Result<void> BlobFolder::make_durable_folder(const std::string& folder) {
  MutexLock lock(mutex_);
  const std::string tenant = std::filesystem::path(folder).parent_path().string();
  for (const std::string& path : {tenant, folder}) {
    if (!durable_folders_.contains(path)) {
      RB_TRY(make_folder(path));
      RB_TRY(disk_->sync_folder(std::filesystem::path(path).parent_path().string()));
      durable_folders_.insert(path);
    }
  }
  return {};
}

Result<StagedFile> BlobFolder::new_file() {
  std::string path = fmt::format("{}/staging/put-{}", root_, ++next_file_);
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT | O_EXCL));
  return StagedFile(std::move(path), std::move(fd));
}

Result<Committed> BlobFolder::already_there(const BlobKey& key, const BlobRecord& record) {
  RB_TRY_ASSIGN(OpenBlob there, open_blob(key));
  if (there.record.info.bytes != record.info.bytes ||
      there.record.info.sha256 != record.info.sha256) {
    return Error{Errc::already_exists, "blob " + key.text() + " has other bytes"};
  }
  RB_TRY(disk_->sync_folder(folder_of(key)));  // Whoever renamed it may have died before this.
  return Committed{std::move(there.record), false};
}

Result<Committed> BlobFolder::commit(StagedFile file, const BlobKey& key, BlobRecord record) {
  auto committed = commit_file(file.fd(), file.path(), key, std::move(record));
  if (committed && committed->created) {
    file.moved();
  }
  return committed;
}

// The descriptor stands behind the blob's bytes.
Result<Committed> BlobFolder::commit_file(int fd, const std::string& path, const BlobKey& key,
                                          BlobRecord record) {
  RB_TRY(disk_->write(fd, encode_trailer(record)));
  RB_FAILPOINT("server.blob.before_sync");
  RB_TRY(disk_->sync_file(fd));
  RB_TRY(make_durable_folder(folder_of(key)));
  RB_TRY_ASSIGN(bool first, rename_new(path, path_of(key)));
  if (!first) {
    return already_there(key, record);
  }
  RB_FAILPOINT("server.blob.after_rename");
  RB_TRY(disk_->sync_folder(folder_of(key)));
  RB_FAILPOINT("server.blob.after_folder_sync");
  struct stat status{};
  if (::fstat(fd, &status) == 0) {
    record.modified = Timestamp(std::chrono::seconds(status.st_mtim.tv_sec));
  }
  return Committed{std::move(record), true};
}

}  // namespace reachback::server
