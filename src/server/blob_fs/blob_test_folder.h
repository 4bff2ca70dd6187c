// For tests: a folder of their own with a BlobFs in it, and its calls as plain functions.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "server/blob_fs/blob_fs.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {

using testing::TemporaryFolder;

inline BlobFsOptions test_options(const std::string& folder) {
  BlobFsOptions options;
  options.folder = folder;
  options.account = "reachback7f3a";
  options.account_keys.emplace_back(std::string(64, 'k'));
  return options;
}

// Not thread-safe; every call waits for its `done`.
class BlobBench {
 public:
  explicit BlobBench(std::unique_ptr<BlobFs> store) : store_(std::move(store)) {}
  explicit BlobBench(BlobFsOptions options, std::shared_ptr<Disk> disk = nullptr) {
    auto made = BlobFs::create(std::move(options), std::move(disk));
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    store_ = std::move(*made);
    store_->set_bases("https://public.test:8443", "https://agents.test:8444/");
  }
  BlobFs& store() { return *store_; }

  Result<BlobInfo> put(const BlobKey& key, const std::string& bytes) {
    return testing::wait_for<BlobInfo>(
        [&](auto done) { store_->put(key.tenant(), key.name(), bytes, done); });
  }
  Result<BlobInfo> stat(const BlobKey& key) {
    return testing::wait_for<BlobInfo>(
        [&](auto done) { store_->stat(key.tenant(), key.name(), done); });
  }
  Result<std::string> read(const BlobKey& key) {
    return testing::wait_for<std::string>(
        [&](auto done) { store_->read(key.tenant(), key.name(), 64 << 20, done); });
  }
  Result<OpenBlob> open(const BlobKey& key) {
    return testing::wait_for<OpenBlob>([&](auto done) { store_->open(key, done); });
  }
  using Upload = std::shared_ptr<BlobUpload>;
  Result<Upload> begin_block(const BlobKey& key, const std::string& id, std::uint64_t declared) {
    return testing::wait_for<Upload>(
        [&](auto done) { store_->begin_block(key, id, declared, done); });
  }
  Result<Upload> begin_blob(const BlobKey& key, std::uint64_t declared) {
    return testing::wait_for<Upload>([&](auto done) { store_->begin_blob(key, declared, done); });
  }
  Result<Committed> put_blob(const BlobKey& key, const std::string& bytes, BlobHeaders headers = {},
                             std::optional<Sha256> expected = {}) {
    RB_TRY_ASSIGN(Upload upload, begin_blob(key, bytes.size()));
    RB_TRY(upload->write(bytes));
    return testing::wait_for<Committed>(
        [&](auto done) { store_->finish_blob(std::move(upload), headers, expected, done); });
  }
  Result<void> put_block(const BlobKey& key, const std::string& id, const std::string& bytes) {
    RB_TRY_ASSIGN(Upload upload, begin_block(key, id, bytes.size()));
    RB_TRY(upload->write(bytes));
    return testing::wait_for([&](auto done) { store_->finish_block(std::move(upload), done); });
  }
  Result<Committed> commit(const BlobKey& key, std::vector<std::string> ids,
                           BlobHeaders headers = {}, std::optional<Sha256> expected = {}) {
    return testing::wait_for<Committed>(
        [&](auto done) { store_->commit_blocks(key, ids, headers, expected, done); });
  }
  Result<std::vector<StagedBlock>> blocks(const BlobKey& key) {
    return testing::wait_for<std::vector<StagedBlock>>(
        [&](auto done) { store_->list_blocks(key, done); });
  }

 private:
  std::unique_ptr<BlobFs> store_;
};

inline BlobKey test_key(char digit = '2') {
  return *BlobKey::make(*TenantId::parse("0c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11"),
                        "4ed5e7193ad040cbb1b5b8f3d7a7e8a" + std::string(1, digit));
}

template <typename T>
Errc code_of(const Result<T>& result) {
  return result.ok() ? Errc::internal : result.error().code;
}

inline std::size_t files_below(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

}  // namespace reachback::server
