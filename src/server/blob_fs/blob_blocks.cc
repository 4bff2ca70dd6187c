// The part of BlobFolder that keeps blocks: one behind the other in staging/<tenant>-<name>/bytes,
// and for each a symbolic link <hex of the block id> that says where it is: "<offset>-<bytes>".
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/bytes.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "server/blob_fs/blob_folder.h"

namespace reachback::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::size_t kBlockIdBytesMax = 64;  // Source: Azure Put Block

Result<void> check_id(const std::string& id) {
  if (id.empty() || id.size() > kBlockIdBytesMax) {
    return Error{Errc::invalid_input, "a block id has 1 to 64 bytes"};
  }
  return {};
}

std::uint64_t size_of(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)
             ? static_cast<std::uint64_t>(status.st_size)
             : 0;
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

Result<void> hash_file(int fd, std::uint64_t offset, std::uint64_t bytes, std::vector<char>& buffer,
                       crypto::Sha256Stream& hash) {
  for (std::uint64_t end = offset + bytes; offset < end;) {
    auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - offset));
    RB_TRY_ASSIGN(std::size_t n, read_at(fd, buffer.data(), want, offset));
    if (n == 0) {
      return Error{Errc::corrupt, "the file of the blocks is shorter than it was"};
    }
    hash.update({buffer.data(), n});
    offset += n;
  }
  return {};
}

Error digest_mismatch() {
  return Error{Errc::mismatch, "the blob's bytes do not have the digest that was declared"};
}

}  // namespace

IncomingBlock::~IncomingBlock() {
  if (!file.valid()) {
    return;  // kept
  }
  if (offset == 0) {
    ::unlink(path.c_str());
  } else if (::ftruncate(file.get(), static_cast<off_t>(offset)) != 0) {
    log_warning("a broken block stays until the next is written over it",
                {field("error", errno_error("cut", path).message)});
  }
}

std::string BlobFolder::staging_of(const BlobKey& key) const {
  return root_ + "/staging/" + key.text();
}

std::string BlobFolder::bytes_of(const BlobKey& key) const {
  return staging_of(key) + "/bytes";
}

// nullopt: no such block, or its bytes are gone.
std::optional<BlobFolder::Place> BlobFolder::place_of(const BlobKey& key,
                                                      const std::string& id) const {
  std::array<char, 64> text{};
  const std::string path = staging_of(key) + "/" + to_hex(id);
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  Place out;
  const char* end = text.data() + std::max<ssize_t>(size, 0);
  auto [dash, bad] = std::from_chars(text.data(), end, out.offset);
  if (bad != std::errc() || dash == end || *dash != '-') {
    return std::nullopt;
  }
  auto [last, wrong] = std::from_chars(dash + 1, end, out.bytes);
  if (wrong != std::errc() || last != end || out.offset + out.bytes > size_of(bytes_of(key))) {
    return std::nullopt;
  }
  return out;
}

// Takes the place of an earlier one at once.
Result<void> BlobFolder::set_place(const BlobKey& key, const std::string& id, Place place) {
  const std::string text = fmt::format("{}-{}", place.offset, place.bytes);
  const std::string path = staging_of(key) + "/" + to_hex(id), aside = path + ".new";
  if (::symlink(text.c_str(), path.c_str()) == 0) {
    return {};
  }
  if (errno != EEXIST) {
    return errno_error("name", path);
  }
  ::unlink(aside.c_str());
  if (::symlink(text.c_str(), aside.c_str()) != 0 || ::rename(aside.c_str(), path.c_str()) != 0) {
    return errno_error("name", path);
  }
  return {};
}

Result<std::vector<StagedBlock>> BlobFolder::blocks(const BlobKey& key) const {
  std::vector<StagedBlock> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(staging_of(key), error)) {
    auto id = from_hex(entry.path().filename().string());
    if (auto place = id ? place_of(key, *id) : std::nullopt) {
      out.push_back({std::move(*id), place->bytes});
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
  Staged out;
  RB_TRY_ASSIGN(auto all, blocks(key));
  for (const StagedBlock& block : all) {
    if (auto place = place_of(key, block.id)) {
      out.blocks += 1;
      out.bytes += place->bytes;
      out.end = std::max(out.end, place->offset + place->bytes);
    }
  }
  if (out.blocks == 0) {
    out.hash.emplace();
  }
  return out;
}

Result<IncomingBlock> BlobFolder::new_block(const BlobKey& key, const std::string& id) {
  RB_TRY(check_id(id));
  RB_TRY_ASSIGN(Staged now, staged(key));
  if (now.blocks == 0) {
    RB_TRY(remove_tree(staging_of(key)));  // names whose bytes have become a blob
  }
  RB_TRY(make_folder(staging_of(key)));
  RB_TRY_ASSIGN(Fd file, open_file(bytes_of(key), O_RDWR | O_CREAT | O_NOFOLLOW));
  if (::lseek(file.get(), static_cast<off_t>(now.end), SEEK_SET) < 0) {
    return errno_error("seek", bytes_of(key));
  }
  return IncomingBlock(bytes_of(key), std::move(file), now.end, std::move(now.hash));
}

Result<void> BlobFolder::keep_block(IncomingBlock block, const BlobKey& key, const std::string& id,
                                    std::uint64_t bytes) {
  RB_TRY_ASSIGN(Staged now, staged(key));
  if (auto old = place_of(key, id)) {
    now.blocks -= std::min<std::size_t>(now.blocks, 1);
    now.bytes -= std::min(now.bytes, old->bytes);
  }
  now.blocks += 1;
  now.bytes += bytes;
  now.end = block.offset + bytes;
  now.hash = std::move(block.hash);
  if (now.blocks > limits_.blocks_max || now.bytes > limits_.blob_bytes_max) {
    return Error{Errc::too_large, "the blob has too many blocks or bytes"};
  }
  // Bytes before name: a block may be gone after power loss, but never be there with other bytes.
  RB_TRY(disk_->sync_file(block.file.get()));
  RB_TRY(set_place(key, id, {block.offset, bytes}));
  block.file.reset();
  MutexLock lock(mutex_);
  staged_[key.text()] = std::move(now);
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
  std::vector<Place> places;
  bool in_order = true;
  for (const std::string& id : ids) {
    RB_TRY(check_id(id));
    auto place = place_of(key, id);
    if (!place && there && there->record.block_list == record.block_list) {
      RB_TRY(disk_->sync_folder(folder_of(key)));
      return Committed{std::move(there->record), false};  // The answer was lost, not the commit.
    }
    if (!place && there) {
      return Error{Errc::already_exists, "blob " + key.text() + " is committed"};
    }
    if (!place) {
      return Error{Errc::not_found, "a block of the list is not staged"};
    }
    in_order = in_order && place->offset == record.info.bytes;
    record.info.bytes += place->bytes;
    places.push_back(*place);
  }
  if (record.info.bytes > limits_.blob_bytes_max) {
    return Error{Errc::too_large, "the blob is too large"};
  }
  auto committed = [&]() -> Result<Committed> {
    Fd file;
    if (!places.empty()) {
      RB_TRY_ASSIGN(file, open_file(bytes_of(key), O_RDWR | O_NOFOLLOW));
    }
    RB_TRY_ASSIGN(Staged now, staged(key));
    // Not one that leaves blocks out: they are behind it, and the commit may fail.
    if (!in_order || places.empty() || now.end != record.info.bytes) {
      return join(file, places, key, std::move(record), expected);
    }
    if (!now.hash) {
      std::vector<char> buffer(kReadBytes);
      RB_TRY(hash_file(file.get(), 0, now.end, buffer, now.hash.emplace()));
    }
    record.info.sha256 = now.hash->finish();
    return expected.value_or(record.info.sha256) == record.info.sha256
               ? commit_in_place(file, key, std::move(record))
               : digest_mismatch();
  }();
  if (committed || committed.error().code == Errc::already_exists ||
      committed.error().code == Errc::mismatch) {
    RB_TRY(drop_blocks(key));
  }
  return committed;
}

// The file of the blocks becomes the blob.
Result<Committed> BlobFolder::commit_in_place(const Fd& file, const BlobKey& key,
                                              BlobRecord record) {
  // What is behind the bytes was left by a block that broke off, or by an earlier try.
  const auto end = static_cast<off_t>(record.info.bytes);
  if (::ftruncate(file.get(), end) != 0 || ::lseek(file.get(), end, SEEK_SET) < 0) {
    return errno_error("cut", bytes_of(key));
  }
  return commit_file(file.get(), bytes_of(key), key, std::move(record));
}

// A file of its own, where the blocks stand in the order of the list.
Result<Committed> BlobFolder::join(const Fd& from, const std::vector<Place>& places,
                                   const BlobKey& key, BlobRecord record,
                                   std::optional<Sha256> expected) {
  RB_TRY_ASSIGN(Reservation room, reserve(record.info.bytes));
  RB_TRY_ASSIGN(StagedFile file, new_file());
  crypto::Sha256Stream hash;
  std::vector<char> buffer(kReadBytes);
  for (const Place& place : places) {
    RB_TRY(hash_file(from.get(), place.offset, place.bytes, buffer, hash));
    RB_TRY(disk_->copy(from.get(), place.offset, file.fd(), place.bytes));
    room.spend(place.bytes);
  }
  record.info.sha256 = hash.finish();
  if (expected.value_or(record.info.sha256) != record.info.sha256) {
    return digest_mismatch();
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
