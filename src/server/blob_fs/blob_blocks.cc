// The part of BlobFolder that keeps blocks: staging/<tenant>-<name>/<hex of the block id>.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "server/blob_fs/blob_folder.h"

namespace reachback::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPart = ".part";  // a block whose body is still coming in
constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::size_t kBlockIdBytesMax = 64;  // Source: Azure Put Block

Result<void> check_id(const std::string& id) {
  if (id.empty() || id.size() > kBlockIdBytesMax) {
    return Error{Errc::invalid_input, "a block id has 1 to 64 bytes"};
  }
  return {};
}

std::optional<std::uint64_t> size_of(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Sha256 digest_of(const std::vector<std::string>& ids) {
  crypto::Sha256Stream hash;
  for (const std::string& id : ids) {
    const char length = static_cast<char>(id.size());  // at most 64
    hash.update({&length, 1});
    hash.update(id);
  }
  return hash.finish();
}

Result<void> hash_file(int fd, std::uint64_t bytes, std::vector<char>& buffer,
                       crypto::Sha256Stream& hash) {
  for (std::uint64_t at = 0; at < bytes;) {
    std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), bytes - at));
    RB_TRY_ASSIGN(std::size_t n, read_at(fd, buffer.data(), want, at));
    if (n == 0) {
      return Error{Errc::corrupt, "a staged block is shorter than it was"};
    }
    hash.update({buffer.data(), n});
    at += n;
  }
  return {};
}

}  // namespace

std::string BlobFolder::staging_of(const BlobKey& key) const {
  return root_ + "/staging/" + key.text();
}

Result<StagedFile> BlobFolder::new_block(const BlobKey& key, const std::string& id) {
  RB_TRY(check_id(id));
  RB_TRY(make_folder(staging_of(key)));
  std::string path = staging_of(key) + "/" + to_hex(id) + std::string(kPart);
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT | O_TRUNC));
  return StagedFile(std::move(path), std::move(fd));
}

Result<std::vector<StagedBlock>> BlobFolder::blocks(const BlobKey& key) const {
  std::vector<StagedBlock> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(staging_of(key), error)) {
    auto id = from_hex(entry.path().filename().string());
    auto size = id ? size_of(entry.path().string()) : std::nullopt;
    if (size) {
      out.push_back({std::move(*id), *size});
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Error{Errc::io, "list " + staging_of(key) + ": " + error.message()};
  }
  std::sort(out.begin(), out.end(),
            [](const StagedBlock& a, const StagedBlock& b) { return a.id < b.id; });
  return out;
}

Result<BlobFolder::Staged> BlobFolder::staged(const BlobKey& key) {
  {
    MutexLock lock(mutex_);
    if (auto it = staged_.find(key.text()); it != staged_.end()) {
      return it->second;
    }
  }
  RB_TRY_ASSIGN(auto all, blocks(key));
  Staged out;
  for (const StagedBlock& block : all) {
    out.blocks += 1;
    out.bytes += block.bytes;
  }
  return out;
}

Result<void> BlobFolder::keep_block(StagedFile file, const BlobKey& key, const std::string& id,
                                    std::uint64_t bytes) {
  const std::string path = staging_of(key) + "/" + to_hex(id);
  RB_TRY_ASSIGN(Staged now, staged(key));
  if (auto old = size_of(path)) {
    now.blocks -= std::min<std::size_t>(now.blocks, 1);
    now.bytes -= std::min(now.bytes, *old);
  }
  now.blocks += 1;
  now.bytes += bytes;
  if (now.blocks > limits_.blocks_max || now.bytes > limits_.blob_bytes_max) {
    return Error{Errc::too_large, "the blob has too many blocks or bytes"};
  }
  // Bytes before name: a block may be gone after power loss, but never be there with other bytes.
  RB_TRY(disk_->sync_file(file.fd()));
  if (::rename(file.path().c_str(), path.c_str()) != 0) {
    return errno_error("rename", path);
  }
  file.moved();
  MutexLock lock(mutex_);
  staged_[key.text()] = now;
  return {};
}

Result<void> BlobFolder::drop_blocks(const BlobKey& key) {
  {
    MutexLock lock(mutex_);
    staged_.erase(key.text());
  }
  return remove_tree(staging_of(key));
}

Result<Committed> BlobFolder::commit_blocks(const BlobKey& key, const std::vector<std::string>& ids,
                                            BlobHeaders headers, std::optional<Sha256> expected) {
  if (ids.size() > limits_.blocks_max) {
    return Error{Errc::too_large, "the blob has too many blocks"};
  }
  auto there = open_blob(key);
  if (!there && there.error().code != Errc::not_found) {
    return there.error();
  }
  BlobRecord record;
  record.headers = std::move(headers);
  record.block_list = digest_of(ids);
  std::uint64_t total = 0;
  for (const std::string& id : ids) {
    RB_TRY(check_id(id));
    auto size = size_of(staging_of(key) + "/" + to_hex(id));
    if (!size && there && there->record.block_list == record.block_list) {
      RB_TRY(disk_->sync_folder(folder_of(key)));
      return Committed{std::move(there->record), false};  // The answer was lost, not the commit.
    }
    if (!size && there) {
      return Error{Errc::already_exists, "blob " + key.text() + " is committed"};
    }
    if (!size) {
      return Error{Errc::not_found, "a block of the list is not staged"};
    }
    total += *size;
  }
  if (total > limits_.blob_bytes_max) {
    return Error{Errc::too_large, "the blob is too large"};
  }
  auto result = join(key, ids, total, std::move(record), expected);
  if (result || result.error().code == Errc::already_exists ||
      result.error().code == Errc::mismatch) {
    RB_TRY(drop_blocks(key));
  }
  return result;
}

Result<Committed> BlobFolder::join(const BlobKey& key, const std::vector<std::string>& ids,
                                   std::uint64_t total, BlobRecord record,
                                   std::optional<Sha256> expected) {
  RB_TRY_ASSIGN(Reservation room, reserve(total));
  RB_TRY_ASSIGN(StagedFile file, new_file());
  crypto::Sha256Stream hash;
  std::vector<char> buffer(kReadBytes);
  for (const std::string& id : ids) {
    RB_TRY_ASSIGN(Fd block, open_file(staging_of(key) + "/" + to_hex(id), O_RDONLY | O_NOFOLLOW));
    struct stat status{};
    if (::fstat(block.get(), &status) != 0) {
      return errno_error("stat block");
    }
    auto bytes = static_cast<std::uint64_t>(status.st_size);
    RB_TRY(hash_file(block.get(), bytes, buffer, hash));
    RB_TRY(disk_->copy(block.get(), file.fd(), bytes));
    room.spend(bytes);
    record.info.bytes += bytes;
  }
  record.info.sha256 = hash.finish();
  if (expected && *expected != record.info.sha256) {
    return Error{Errc::mismatch, "the blob's bytes do not have the digest that was declared"};
  }
  return commit(std::move(file), key, std::move(record));
}

Result<std::size_t> BlobFolder::purge(Timestamp now, WriterSet& writers) {
  std::size_t gone = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root_ + "/staging", error)) {
    const std::string path = entry.path().string(), name = entry.path().filename().string();
    if (!writers.enter(name)) {
      continue;
    }
    struct stat status{};
    Result<void> removed;
    if (::lstat(path.c_str(), &status) == 0 &&
        now - Timestamp(std::chrono::seconds(status.st_mtim.tv_sec)) >= limits_.staging_life) {
      {
        MutexLock lock(mutex_);
        staged_.erase(name);
      }
      removed = remove_tree(path);
      gone += removed.ok() ? 1 : 0;
    }
    writers.leave(name);
    RB_TRY(std::move(removed));
  }
  if (error) {
    return Error{Errc::io, "list " + root_ + "/staging: " + error.message()};
  }
  return gone;
}

}  // namespace reachback::server
