#include "server/blob_fs/blob_fs.h"

#include <algorithm>
#include <utility>

namespace reachback::server {
namespace {

// So much is given to the disk while more comes in.
constexpr std::uint64_t kWriteOutBytes = 1 << 20;

Error busy(const BlobKey& key) {
  return Error{Errc::conflict, "blob " + key.text() + " is being written"};
}

// The folder's io, seen by a caller of the port.
template <typename T>
Result<T> as_port(Result<T> result) {
  if (!result && (result.error().code == Errc::io || result.error().code == Errc::forbidden)) {
    return Error{Errc::unavailable, result.error().message};
  }
  return result;
}

}  // namespace

BlobUpload::~BlobUpload() {
  file_.reset();  // Before the next writer may begin.
  block_.reset();
  writers_->leave(key_.text());
}

Result<void> BlobUpload::write(std::string_view piece) {
  if (piece.size() > declared_ - written_) {
    return Error{Errc::too_large, "the body is longer than it was declared"};
  }
  const int fd = block_ ? block_->file.get() : file_->fd();
  RB_TRY(disk_->write(fd, piece));
  written_ += piece.size();
  room_.spend(piece.size());
  if (auto& hash = block_ ? block_->hash : hash_) {
    hash->update(piece);
  }
  if (written_ - begun_ >= kWriteOutBytes) {
    disk_->start_writing(fd, (block_ ? block_->offset : 0) + begun_, written_ - begun_);
    begun_ = written_;
  }
  return {};
}

BlobFs::BlobFs(std::unique_ptr<BlobFolder> folder, std::shared_ptr<Disk> disk,
               std::unique_ptr<BlobLinks> links, std::size_t threads, std::size_t joining_threads)
    : folder_(std::move(folder)),
      disk_(std::move(disk)),
      links_(std::move(links)),
      writers_(std::make_shared<WriterSet>()),
      pool_(threads),
      joining_(joining_threads) {}

BlobFs::~BlobFs() = default;

Result<std::unique_ptr<BlobFs>> BlobFs::create(BlobFsOptions options, std::shared_ptr<Disk> disk) {
  const std::string& account = options.account;
  bool good = account.size() >= 3 && account.size() <= 24 &&
              std::all_of(account.begin(), account.end(),
                          [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  if (!good) {
    return Error{Errc::invalid_input, "blob account \"" + account + "\": 3 to 24 of a-z and 0-9"};
  }
  if (options.account_keys.empty() || options.account_keys.front().reveal().size() < 32) {
    return Error{Errc::invalid_input, "the blob account needs a key of at least 32 bytes"};
  }
  if (!disk) {
    disk = std::make_shared<Disk>();
  }
  RB_TRY_ASSIGN(auto folder, BlobFolder::open(options.folder, options.limits, disk));
  return std::unique_ptr<BlobFs>(
      new BlobFs(std::move(folder), std::move(disk),
                 std::make_unique<BlobLinks>(account, std::move(options.account_keys)),
                 std::max<std::size_t>(options.threads, 1),
                 std::max<std::size_t>(options.joining_threads, 1)));
}

void BlobFs::set_bases(std::string public_url, std::string agent_url) {
  links_->set_bases(std::move(public_url), std::move(agent_url));
}

Result<std::string> BlobFs::read_link(const TenantId& tenant, const std::string& name,
                                      Timestamp expires, LinkHost host) {
  RB_TRY_ASSIGN(BlobKey key, BlobKey::make(tenant, name));
  return links_->mint(key, "r", expires, host);
}

Result<std::string> BlobFs::write_link(const TenantId& tenant, const std::string& name,
                                       Timestamp expires) {
  RB_TRY_ASSIGN(BlobKey key, BlobKey::make(tenant, name));
  return links_->mint(key, "cw", expires, LinkHost::agent_listener);
}

template <typename T>
void BlobFs::work_on(WorkPool& pool, std::function<Result<T>()> task, Done<T> done) {
  auto shared = std::make_shared<Done<T>>(std::move(done));
  bool taken = pool.post([task = std::move(task), shared] { (*shared)(task()); });
  if (!taken) {
    (*shared)(Error{Errc::unavailable, "too much file work is waiting"});
  }
}

void BlobFs::stat(TenantId tenant, std::string name, Done<BlobInfo> done) {
  auto key = BlobKey::make(tenant, name);
  if (!key) {
    done(key.error());
    return;
  }
  const auto mark = folder_->mark(*key);
  if (mark) {
    if (auto known = infos_.find(key->text(), *mark)) {
      done(*known);
      return;
    }
  }
  work<BlobInfo>(
      [this, key = *key, mark]() -> Result<BlobInfo> {
        RB_TRY_ASSIGN(OpenBlob blob, as_port(folder_->open_blob(key)));
        if (mark) {
          infos_.keep(key.text(), *mark, blob.record.info);
        }
        return blob.record.info;
      },
      std::move(done));
}

void BlobFs::put(TenantId tenant, std::string name, std::string bytes, Done<BlobInfo> done) {
  auto key = BlobKey::make(tenant, name);
  if (!key) {
    done(key.error());
    return;
  }
  work<BlobInfo>(
      [this, key = *key, bytes = std::move(bytes)]() -> Result<BlobInfo> {
        BlobRecord record;
        record.info = {bytes.size(), crypto::sha256(bytes)};
        auto stored = [&]() -> Result<Committed> {
          RB_TRY_ASSIGN(Reservation room, folder_->reserve(bytes.size()));
          RB_TRY_ASSIGN(StagedFile file, folder_->new_file());
          RB_TRY(disk_->write(file.fd(), bytes));
          return folder_->commit(std::move(file), key, record);
        }();
        RB_TRY_ASSIGN(Committed committed, as_port(std::move(stored)));
        return committed.record.info;
      },
      std::move(done));
}

void BlobFs::read(TenantId tenant, std::string name, std::uint64_t max_bytes,
                  Done<std::string> done) {
  auto key = BlobKey::make(tenant, name);
  if (!key) {
    done(key.error());
    return;
  }
  work<std::string>(
      [this, key = *key, max_bytes]() -> Result<std::string> {
        RB_TRY_ASSIGN(OpenBlob blob, as_port(folder_->open_blob(key)));
        const BlobInfo& info = blob.record.info;
        if (info.bytes > max_bytes) {
          return Error{Errc::too_large, "blob " + key.text() + " is longer than asked for"};
        }
        std::string bytes(info.bytes, '\0');
        RB_TRY_ASSIGN(std::size_t n,
                      as_port(read_at(blob.file->get(), bytes.data(), bytes.size(), 0)));
        if (n != info.bytes || crypto::sha256(bytes) != info.sha256) {
          return Error{Errc::corrupt, "blob " + key.text() + " does not have its digest"};
        }
        return bytes;
      },
      std::move(done));
}

void BlobFs::remove(TenantId tenant, std::string name, Done<void> done) {
  auto key = BlobKey::make(tenant, name);
  if (!key) {
    done(key.error());
    return;
  }
  work<void>([this, key = *key] { return as_port(folder_->remove(key)); }, std::move(done));
}

void BlobFs::open(BlobKey key, Done<OpenBlob> done) {
  work<OpenBlob>([this, key = std::move(key)] { return folder_->open_blob(key); }, std::move(done));
}

std::shared_ptr<BlobUpload> BlobFs::claim(const BlobKey& key) {
  if (!writers_->enter(key.text())) {
    return nullptr;
  }
  return std::shared_ptr<BlobUpload>(new BlobUpload(key, writers_));
}

void BlobFs::begin(const BlobKey& key, std::string block_id, std::uint64_t declared,
                   std::uint64_t declared_max, Done<std::shared_ptr<BlobUpload>> done) {
  if (declared > declared_max) {
    done(Error{Errc::too_large, "the body is larger than is taken in one request"});
    return;
  }
  auto upload = claim(key);
  if (!upload) {
    done(busy(key));
    return;
  }
  upload->disk_ = disk_;
  upload->declared_ = declared;
  upload->block_id_ = std::move(block_id);
  work<std::shared_ptr<BlobUpload>>(
      [this, upload = std::move(upload)]() mutable -> Result<std::shared_ptr<BlobUpload>> {
        auto owned = std::move(upload);  // Only the caller keeps it.
        RB_TRY_ASSIGN(owned->room_, folder_->reserve(owned->declared_));
        if (!owned->block_id_.empty()) {
          RB_TRY_ASSIGN(IncomingBlock block, folder_->new_block(owned->key_, owned->block_id_));
          owned->block_.emplace(std::move(block));
          return owned;
        }
        RB_TRY_ASSIGN(StagedFile file, folder_->new_file());
        owned->file_.emplace(std::move(file));
        owned->hash_.emplace();
        return owned;
      },
      std::move(done));
}

void BlobFs::begin_blob(const BlobKey& key, std::uint64_t declared,
                        Done<std::shared_ptr<BlobUpload>> done) {
  begin(key, "", declared, limits().put_bytes_max, std::move(done));
}

void BlobFs::begin_block(const BlobKey& key, std::string block_id, std::uint64_t declared,
                         Done<std::shared_ptr<BlobUpload>> done) {
  if (block_id.empty()) {
    done(Error{Errc::invalid_input, "a block id has 1 to 64 bytes"});
    return;
  }
  begin(key, std::move(block_id), declared, limits().block_bytes_max, std::move(done));
}

void BlobFs::finish_blob(std::shared_ptr<BlobUpload> upload, BlobHeaders headers,
                         std::optional<Sha256> expected, Done<Committed> done) {
  work<Committed>(
      [this, upload = std::move(upload), headers = std::move(headers),
       expected]() mutable -> Result<Committed> {
        auto owned = std::move(upload);  // The writer is gone before `done` is called.
        if (owned->written_ != owned->declared_) {
          return Error{Errc::protocol, "the body is shorter than it was declared"};
        }
        BlobRecord record;
        record.info = {owned->written_, owned->hash_->finish()};
        record.headers = std::move(headers);
        if (expected && *expected != record.info.sha256) {
          return Error{Errc::mismatch, "the body does not have the digest that was declared"};
        }
        return folder_->commit(std::move(*owned->file_), owned->key_, std::move(record));
      },
      std::move(done));
}

void BlobFs::finish_block(std::shared_ptr<BlobUpload> upload, Done<void> done) {
  work<void>(
      [this, upload = std::move(upload)]() mutable -> Result<void> {
        auto owned = std::move(upload);
        if (owned->written_ != owned->declared_) {
          return Error{Errc::protocol, "the body is shorter than it was declared"};
        }
        return folder_->keep_block(std::move(*owned->block_), owned->key_, owned->block_id_,
                                   owned->written_);
      },
      std::move(done));
}

void BlobFs::commit_blocks(BlobKey key, std::vector<std::string> ids, BlobHeaders headers,
                           std::optional<Sha256> expected, Done<Committed> done) {
  auto writer = claim(key);
  if (!writer) {
    done(busy(key));
    return;
  }
  work_on<Committed>(
      joining_,
      [this, writer = std::move(writer), key = std::move(key), ids = std::move(ids),
       headers = std::move(headers), expected]() mutable -> Result<Committed> {
        auto owned = std::move(writer);
        return folder_->commit_blocks(key, ids, std::move(headers), expected);
      },
      std::move(done));
}

void BlobFs::list_blocks(BlobKey key, Done<std::vector<StagedBlock>> done) {
  work<std::vector<StagedBlock>>([this, key = std::move(key)] { return folder_->blocks(key); },
                                 std::move(done));
}

Result<std::size_t> BlobFs::purge_staging(Timestamp now) {
  return folder_->purge(now, *writers_);
}

}  // namespace reachback::server
