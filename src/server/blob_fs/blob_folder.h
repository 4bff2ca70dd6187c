// The blobs on the disk: <root>/blobs/<tenant>/<first 2 hex>/<name>, each one file that appears
// whole under its name or not at all, and <root>/staging, where bytes wait to become one. Layout
// and steps in README.md. Every call blocks; thread-safe, but at most one writer per key at a time
// (BlobFs sees to it).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "server/blob_fs/blob_record.h"
#include "server/blob_fs/disk.h"

namespace reachback::server {

struct BlobLimits {
  std::uint64_t put_bytes_max = 256 << 20;    // of a blob sent as one body
  std::uint64_t block_bytes_max = 8 << 20;    // of a block
  std::size_t blocks_max = 50'000;            // of a blob. Source: Azure Put Block List
  std::uint64_t blob_bytes_max = 54LL << 30;  // of a blob made of blocks; the server sets it to
                                              // upload_bytes of api/limits.json
  std::uint64_t reserve_bytes = 64 << 20;     // left free on the disk for what must not fail
  Duration staging_life = std::chrono::hours(24);
};

// Room on the disk that is promised to one writer; given back when it goes.
class Reservation {
 public:
  Reservation() = default;
  Reservation(std::shared_ptr<std::atomic<std::uint64_t>> total, std::uint64_t bytes);
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { spend(bytes_); }
  void spend(std::uint64_t bytes);  // These are written now: the disk itself counts them.

 private:
  std::shared_ptr<std::atomic<std::uint64_t>> total_;
  std::uint64_t bytes_ = 0;
};

// A file in staging/; removed when it goes, unless it was moved to its place.
class StagedFile {
 public:
  StagedFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  StagedFile(StagedFile&& other) noexcept
      : path_(std::exchange(other.path_, "")), fd_(std::move(other.fd_)) {}
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile();
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  void moved() { path_.clear(); }

 private:
  std::string path_;
  Fd fd_;
};

// The names of keys that have a writer. Thread-safe.
class WriterSet {
 public:
  bool enter(const std::string& key);  // false: it has one
  void leave(const std::string& key);

 private:
  Mutex mutex_;
  std::set<std::string> keys_ RB_GUARDED_BY(mutex_);
};

struct StagedBlock {
  std::string id;  // raw bytes
  std::uint64_t bytes = 0;
};

// A block that comes in, behind the others in the file of its key's blocks. Dropped before
// keep_block(): its bytes go, the next one takes its place.
struct IncomingBlock {
  IncomingBlock(std::string path_of_file, Fd opened, std::uint64_t at,
                std::optional<crypto::Sha256Stream> hash_before)
      : path(std::move(path_of_file)),
        file(std::move(opened)),
        offset(at),
        hash(std::move(hash_before)) {}
  IncomingBlock(IncomingBlock&&) noexcept = default;
  IncomingBlock& operator=(IncomingBlock&&) = delete;
  ~IncomingBlock();

  std::string path;
  Fd file;  // stands at `offset`
  std::uint64_t offset = 0;
  // Of all bytes before `offset`, if they came in this order in this process; else nullopt.
  std::optional<crypto::Sha256Stream> hash;
};

// Which file it is and when it was last written to: a blob whose mark is unchanged is unchanged.
struct FileMark {
  std::uint64_t device = 0, inode = 0, bytes = 0;
  std::int64_t changed_ns = 0;  // ctime: nobody sets it
  friend bool operator==(const FileMark&, const FileMark&) = default;
};

struct Committed {
  BlobRecord record;
  bool created = true;  // false: the same bytes were there already
};

class BlobFolder {
 public:
  // Makes the two folders, removes bodies that a former process left half-written. The caller holds
  // the data directory's lock. Errors: io, storage_full, forbidden.
  static Result<std::unique_ptr<BlobFolder>> open(std::string root, BlobLimits limits,
                                                  std::shared_ptr<Disk> disk);

  const BlobLimits& limits() const { return limits_; }
  Disk& disk() { return *disk_; }

  // Errors: storage_full when fewer than `bytes` and the reserve are free.
  Result<Reservation> reserve(std::uint64_t bytes);
  Result<OpenBlob> open_blob(const BlobKey& key) const;
  // Which file stands under the name, without opening it; nullopt: none. One system call.
  std::optional<FileMark> mark(const BlobKey& key) const;
  Result<void> remove(const BlobKey& key);  // and its staged blocks

  Result<StagedFile> new_file();
  // Gives the file, which holds record.info.bytes bytes, its name, durably. The first commit wins.
  // Errors: already_exists (other bytes stand there), storage_full, io.
  Result<Committed> commit(StagedFile file, const BlobKey& key, BlobRecord record);

  // Block ids: 1 to 64 raw bytes. Errors: invalid_input (id), storage_full, io.
  Result<IncomingBlock> new_block(const BlobKey& key, const std::string& id);
  // Replaces an earlier block of the id. block.hash knows the block's bytes, if it knew those
  // before. Errors: too_large (over the blob's limits), storage_full, io.
  Result<void> keep_block(IncomingBlock block, const BlobKey& key, const std::string& id,
                          std::uint64_t bytes);
  // In the order of their ids; empty when there are none.
  Result<std::vector<StagedBlock>> blocks(const BlobKey& key) const;
  // Commits the staged blocks in the order given: nothing is copied if they came in that order. The
  // same list again after the commit is ok. Errors: not_found (a block is not staged), mismatch
  // (not the expected digest; the blocks are dropped), already_exists (likewise), too_large,
  // storage_full, io.
  Result<Committed> commit_blocks(const BlobKey& key, const std::vector<std::string>& ids,
                                  BlobHeaders headers, std::optional<Sha256> expected);

  // Removes what nobody has added to for limits().staging_life. What has a writer
  // stays. Returns how many entries went.
  Result<std::size_t> purge(Timestamp now, WriterSet& writers);

 private:
  // The blocks of a key, and where the next one goes.
  struct Staged {
    std::size_t blocks = 0;
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;
    std::optional<crypto::Sha256Stream> hash;  // of all before `end`, as in IncomingBlock
  };
  struct Place {
    std::uint64_t offset = 0, bytes = 0;
  };
  BlobFolder(std::string root, BlobLimits limits, std::shared_ptr<Disk> disk);
  std::string folder_of(const BlobKey& key) const;
  std::string path_of(const BlobKey& key) const;
  std::string staging_of(const BlobKey& key) const;
  Result<void> make_durable_folder(const std::string& folder);
  Result<Committed> already_there(const BlobKey& key, const BlobRecord& record);
  Result<Committed> commit_file(int fd, const std::string& path, const BlobKey& key,
                                BlobRecord record);
  std::string bytes_of(const BlobKey& key) const;
  std::optional<Place> place_of(const BlobKey& key, const std::string& id) const;
  Result<void> set_place(const BlobKey& key, const std::string& id, Place place);
  Result<Staged> staged(const BlobKey& key);
  Result<void> drop_blocks(const BlobKey& key);
  Result<Committed> commit_in_place(const Fd& file, const BlobKey& key, BlobRecord record);
  Result<Committed> join(const Fd& from, const std::vector<Place>& places, const BlobKey& key,
                         BlobRecord record, std::optional<Sha256> expected);

  const std::string root_;
  const BlobLimits limits_;
  const std::shared_ptr<Disk> disk_;
  const std::shared_ptr<std::atomic<std::uint64_t>> reserved_;
  std::atomic<std::uint64_t> next_file_{0};
  Mutex mutex_;
  // Made and synced in their parents by this process.
  std::set<std::string> durable_folders_ RB_GUARDED_BY(mutex_);
  // By key text; absent: not counted yet.
  std::map<std::string, Staged> staged_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
