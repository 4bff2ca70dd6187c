#include "server/service/library.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

class LibraryTest : public ::testing::Test {
 protected:
  LibraryTest() {
    by_.tenant = *TenantId::from_bytes(std::string(16, 't'));
    by_.requestor = "app-1";
    EXPECT_TRUE(wait_for([&](auto d) {
                  stores_.apps().add_tenant(Tenant{by_.tenant, "default"}, d);
                }).ok());
  }
  Result<LibraryFile> upload(const std::string& name, const std::string& content,
                             bool override_if_exists = false) {
    LibraryUpload u;
    u.file_name = name;
    u.content = content;
    u.override_if_exists = override_if_exists;
    return wait_for<LibraryFile>([&](auto d) { library_->upload(by_, u, d); });
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    auto files = wait_for<Page<LibraryFile>>(
        [&](auto d) { library_->list(by_, odata::everything(library_entity(), 0, 100), {}, d); });
    EXPECT_TRUE(files.ok());
    for (const LibraryFile& f : files->items) {
      out.push_back(f.name);
    }
    return out;
  }
  std::string content(const std::string& name) {
    auto file = wait_for<LibraryFile>([&](auto d) { stores_.library().get(by_.tenant, name, d); });
    EXPECT_TRUE(file.ok());
    auto bytes =
        wait_for<std::string>([&](auto d) { blobs_.read(by_.tenant, file->blob, 1 << 20, d); });
    return bytes ? *bytes : bytes.error().message;
  }
  Result<void> remove(const std::string& name) {
    return wait_for([&](auto d) { library_->remove(by_, name, d); });
  }

  Principal by_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  testing::FakeStores stores_;
  testing::FakeBlobStore blobs_;
  std::unique_ptr<Library> library_ = Library::create(stores_.library(), blobs_, clock_, random_);
};

TEST_F(LibraryTest, what_is_uploaded_is_listed_with_its_digest) {
  auto file = upload("a.sh", "echo a");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->sha256, crypto::sha256("echo a"));
  EXPECT_EQ(file->created_by, "app-1");
  EXPECT_EQ(names(), std::vector<std::string>{"a.sh"});
  EXPECT_EQ(content("a.sh"), "echo a");
}

// Source: trust.md §5.7.10 and §5.7.11.
TEST_F(LibraryTest, a_taken_name_is_refused_and_leaves_no_bytes_behind) {
  ASSERT_TRUE(upload("a.sh", "echo a").ok());
  auto same = upload("a.sh", "echo b");
  ASSERT_FALSE(same.ok());
  EXPECT_EQ(same.error().code, Errc::already_exists);
  EXPECT_EQ(same.error().message,
            "File a.sh already exists in the library: send OverrideIfExists=true to replace it");
  auto other_case = upload("A.sh", "echo b");
  ASSERT_FALSE(other_case.ok());
  EXPECT_EQ(other_case.error().code, Errc::already_exists);
  EXPECT_EQ(upload("A.sh", "echo b", true).error().code, Errc::already_exists);
  EXPECT_EQ(blobs_.size(), 1u);
  EXPECT_EQ(content("a.sh"), "echo a");
}

TEST_F(LibraryTest, an_override_is_another_version_and_the_first_stays_readable) {
  auto first = upload("a.sh", "echo a");
  ASSERT_TRUE(upload("a.sh", "echo b", true).ok());
  EXPECT_EQ(content("a.sh"), "echo b");
  auto pinned = wait_for<LibraryFile>(
      [&](auto d) { stores_.library().version(by_.tenant, first->sha256, d); });
  ASSERT_TRUE(pinned.ok());
  EXPECT_EQ(*wait_for<std::string>([&](auto d) { blobs_.read(by_.tenant, pinned->blob, 100, d); }),
            "echo a");
}

// Source: trust.md §5.7.19.
TEST_F(LibraryTest, a_removed_name_is_gone_and_its_version_stays) {
  auto file = upload("a.sh", "echo a");
  ASSERT_TRUE(remove("a.sh").ok());
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(remove("a.sh").error().code, Errc::not_found);
  EXPECT_TRUE(wait_for<LibraryFile>([&](auto d) {
                stores_.library().version(by_.tenant, file->sha256, d);
              }).ok());
  EXPECT_EQ(blobs_.size(), 1u);
}

// Source: trust.md §5.7.20.
TEST_F(LibraryTest, a_full_disk_leaves_nothing_half_stored) {
  blobs_.faults().fail_next(Error{Errc::storage_full, "full"});
  EXPECT_EQ(upload("a.sh", "echo a").error().code, Errc::storage_full);
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(blobs_.size(), 0u);
  // The second call of the store, after the look whether the name is free.
  stores_.directory().library_faults().hold();
  std::optional<Result<LibraryFile>> answer;
  LibraryUpload u;
  u.file_name = "a.sh";
  u.content = "echo a";
  library_->upload(by_, u, [&](Result<LibraryFile> r) { answer = std::move(r); });
  stores_.directory().library_faults().fail_next(Error{Errc::storage_full, "full"});
  stores_.directory().library_faults().release();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, Errc::storage_full);
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(blobs_.size(), 0u);
  EXPECT_TRUE(upload("a.sh", "echo a").ok());
}

// Source: trust.md F04: a commit whose reply is lost may have been made.
TEST_F(LibraryTest, bytes_whose_commit_has_an_unknown_outcome_stay) {
  stores_.directory().library_faults().lose_next_replies();
  EXPECT_EQ(upload("a.sh", "echo a").error().code, Errc::unavailable);
  EXPECT_EQ(names(), std::vector<std::string>{"a.sh"});
  EXPECT_EQ(content("a.sh"), "echo a");
}

TEST_F(LibraryTest, empty_files_and_names_that_are_none_are_refused) {
  EXPECT_EQ(upload("a.sh", "").error().code, Errc::invalid_input);
  for (const char* name : {"", ".", "..", "../a", "a/b", "a\\b", ".a", "nul.sh", "a\n", "a."}) {
    EXPECT_EQ(upload(name, "x").error().code, Errc::invalid_input) << name;
  }
  EXPECT_EQ(blobs_.size(), 0u);
}

}  // namespace
}  // namespace reachback::server
