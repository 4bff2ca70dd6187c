// BlobStore over a folder, and what the embedded Blob REST service (blob_http) needs beyond the
// port: uploads in pieces and in blocks, open files, the check of a link. Blocking file work runs
// on a few threads of its own; `done` is called there (or before the call returns: when the
// arguments are wrong or the queue is full, invalid_input, unavailable; and by stat() of a blob it
// knows, for which the calling thread makes one stat(2) on the local folder, a look into memory as
// long as the kernel remembers the name). Joining blocks, which may take minutes, has threads of
// its own, so that nothing else waits for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/work_pool.h"
#include "crypto/digest.h"
#include "server/blob_fs/blob_folder.h"
#include "server/blob_fs/blob_links.h"
#include "server/blob_fs/info_cache.h"
#include "server/ports/blob_store.h"

namespace reachback::server {

struct BlobFsOptions {
  std::string folder;                // holds blobs/ and staging/
  std::string account;               // 3 to 24 of a-z 0-9, as Azure's
  std::vector<Secret> account_keys;  // decoded; the first signs, all verify
  BlobLimits limits;
  std::size_t threads = 2;
  std::size_t joining_threads = 2;  // so many lists of blocks are committed at once
};

// One body on its way to the disk, and the right to be its key's only writer. Dropped without
// finish_*: nothing stays. Not thread-safe.
class BlobUpload {
 public:
  // Goes to the page cache: does not wait for the disk, but may be slowed down by the kernel when
  // too much is unwritten. Errors: too_large (more than was declared), storage_full, io.
  Result<void> write(std::string_view piece);
  ~BlobUpload();

 private:
  friend class BlobFs;
  BlobUpload(BlobKey key, std::shared_ptr<WriterSet> writers)
      : key_(std::move(key)), writers_(std::move(writers)) {}

  BlobKey key_;
  std::shared_ptr<WriterSet> writers_;
  std::shared_ptr<Disk> disk_;
  std::optional<StagedFile> file_;      // of a whole blob,
  std::optional<IncomingBlock> block_;  // or else of a block
  Reservation room_;
  std::string block_id_;  // empty: a whole blob
  std::uint64_t declared_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t begun_ = 0;                   // so many of these the disk was told to write
  std::optional<crypto::Sha256Stream> hash_;  // of a whole blob
};

class BlobFs : public BlobStore {
 public:
  // disk null: the machine's. Errors: invalid_input (account, no key), io, storage_full, forbidden.
  static Result<std::unique_ptr<BlobFs>> create(BlobFsOptions options,
                                                std::shared_ptr<Disk> disk = nullptr);
  ~BlobFs() override;  // waits for what was asked for

  // The addresses of links, known once the server listens.
  void set_bases(std::string public_url, std::string agent_url);
  const BlobLinks& links() const { return *links_; }
  const BlobLimits& limits() const { return folder_->limits(); }

  Result<std::string> read_link(const TenantId& tenant, const std::string& name, Timestamp expires,
                                LinkHost host) override;
  Result<std::string> write_link(const TenantId& tenant, const std::string& name,
                                 Timestamp expires) override;
  void stat(TenantId tenant, std::string name, Done<BlobInfo> done) override;
  void put(TenantId tenant, std::string name, std::string bytes, Done<BlobInfo> done) override;
  void read(TenantId tenant, std::string name, std::uint64_t max_bytes,
            Done<std::string> done) override;
  void remove(TenantId tenant, std::string name, Done<void> done) override;

  // Errors: not_found, corrupt, io.
  void open(BlobKey key, Done<OpenBlob> done);
  // declared: the length of the body to come. Errors: conflict (the key has a writer), too_large
  // (over limits()), storage_full, io.
  void begin_blob(const BlobKey& key, std::uint64_t declared,
                  Done<std::shared_ptr<BlobUpload>> done);
  void begin_block(const BlobKey& key, std::string block_id, std::uint64_t declared,
                   Done<std::shared_ptr<BlobUpload>> done);
  // The body is complete. Durable when `done` says ok. Errors: protocol (shorter than declared),
  // mismatch (not the expected digest), already_exists (other bytes are committed), storage_full,
  // io.
  void finish_blob(std::shared_ptr<BlobUpload> upload, BlobHeaders headers,
                   std::optional<Sha256> expected, Done<Committed> done);
  // Errors: too_large (the blob's limits), storage_full, io.
  void finish_block(std::shared_ptr<BlobUpload> upload, Done<void> done);
  // As BlobFolder::commit_blocks; conflict: the key has a writer.
  void commit_blocks(BlobKey key, std::vector<std::string> ids, BlobHeaders headers,
                     std::optional<Sha256> expected, Done<Committed> done);
  void list_blocks(BlobKey key, Done<std::vector<StagedBlock>> done);

  // Removes uploads that were begun and left. Blocks; any thread. Returns how many went.
  Result<std::size_t> purge_staging(Timestamp now);

 private:
  BlobFs(std::unique_ptr<BlobFolder> folder, std::shared_ptr<Disk> disk,
         std::unique_ptr<BlobLinks> links, std::size_t threads, std::size_t joining_threads);
  template <typename T>
  void work(std::function<Result<T>()> task, Done<T> done) {
    work_on<T>(pool_, std::move(task), std::move(done));
  }
  template <typename T>
  static void work_on(WorkPool& pool, std::function<Result<T>()> task, Done<T> done);
  void begin(const BlobKey& key, std::string block_id, std::uint64_t declared,
             std::uint64_t declared_max, Done<std::shared_ptr<BlobUpload>> done);
  std::shared_ptr<BlobUpload> claim(const BlobKey& key);  // null: the key has a writer

  const std::unique_ptr<BlobFolder> folder_;
  const std::shared_ptr<Disk> disk_;
  const std::unique_ptr<BlobLinks> links_;
  const std::shared_ptr<WriterSet> writers_;
  InfoCache infos_;
  WorkPool pool_;  // these two last: their work uses the others
  WorkPool joining_;
};

}  // namespace reachback::server
