// What every LibraryStore must do. Include in one test file of a program; see conformance_stores.h.
#pragma once

#include <vector>

#include "testing/conformance_stores.h"
#include "testing/sample_action.h"

namespace reachback::testing {

class LibraryStoreConformance : public StoresConformance {
 protected:
  using File = server::LibraryFile;

  File fresh(const std::string& name, Timestamp at = sample_time(0)) {
    File f;
    f.tenant = tenant_;
    f.name = name;
    f.sha256 = sample_digest(random_);
    f.bytes = 42;
    f.blob = to_hex(random_.bytes(16));
    f.description = "what it does";
    f.has_parameters = true;
    f.created_by = "ann";
    f.created = f.updated = at;
    return f;
  }
  Result<File> put(const File& f, bool replace = false) {
    return wait_for<File>([&](auto done) { stores_->library().put(f, replace, done); });
  }
  Result<File> get(TenantId tenant, const std::string& name) {
    return wait_for<File>([&](auto done) { stores_->library().get(tenant, name, done); });
  }
  Result<File> version(TenantId tenant, const Sha256& sha256) {
    return wait_for<File>([&](auto done) { stores_->library().version(tenant, sha256, done); });
  }
  Result<std::vector<File>> list(TenantId tenant) {
    auto page = wait_for<server::Page<File>>([&](auto done) {
      stores_->library().list(
          tenant, server::odata::everything(server::library_entity(), 0, UINT64_MAX), {}, done);
    });
    return page ? Result<std::vector<File>>(std::move(page->items)) : page.error();
  }
  Result<void> remove(TenantId tenant, const std::string& name) {
    return wait_for([&](auto done) { stores_->library().remove(tenant, name, done); });
  }
};

TEST_P(LibraryStoreConformance, a_file_is_read_back_by_name_and_by_version) {
  File f = fresh("s.sh");
  auto r = put(f);
  ASSERT_OK(r);
  EXPECT_EQ(*r, f);
  EXPECT_EQ(*get(tenant_, "s.sh"), f);
  EXPECT_EQ(*version(tenant_, f.sha256), f);
  EXPECT_CODE(get(tenant_, "S.sh"), not_found);
  EXPECT_CODE(get(other_tenant_, "s.sh"), not_found);
  EXPECT_CODE(version(other_tenant_, f.sha256), not_found);
  EXPECT_CODE(version(tenant_, sample_digest(random_)), not_found);
}

TEST_P(LibraryStoreConformance, a_name_is_taken_also_in_another_case) {
  ASSERT_OK(put(fresh("s.sh")));
  EXPECT_CODE(put(fresh("s.sh")), already_exists);
  EXPECT_CODE(put(fresh("S.SH")), already_exists);
  EXPECT_CODE(put(fresh("S.SH"), true), already_exists);
  File elsewhere = fresh("S.sh");
  elsewhere.tenant = other_tenant_;
  EXPECT_OK(put(elsewhere));
  EXPECT_EQ(list(tenant_)->size(), 1u);
}

TEST_P(LibraryStoreConformance, a_new_version_replaces_the_name_and_the_old_one_stays_readable) {
  File one = fresh("s.sh", sample_time(1));
  ASSERT_OK(put(one));
  File two = fresh("s.sh", sample_time(2));
  two.description = std::nullopt;
  auto r = put(two, true);
  ASSERT_OK(r);
  two.created = sample_time(1);
  EXPECT_EQ(*r, two);
  EXPECT_EQ(*get(tenant_, "s.sh"), two);
  EXPECT_EQ(*version(tenant_, one.sha256), one);
  EXPECT_EQ(version(tenant_, two.sha256)->blob, two.blob);
  EXPECT_EQ(*list(tenant_), std::vector<File>{two});
}

TEST_P(LibraryStoreConformance, replace_adds_a_name_that_is_new) {
  File f = fresh("s.sh");
  EXPECT_OK(put(f, true));
  EXPECT_EQ(*get(tenant_, "s.sh"), f);
}

TEST_P(LibraryStoreConformance, the_same_bytes_under_two_names_are_one_version) {
  File one = fresh("a.sh");
  File two = fresh("b.sh");
  two.sha256 = one.sha256;
  ASSERT_OK(put(one));
  ASSERT_OK(put(two));
  EXPECT_EQ(*get(tenant_, "b.sh"), two);
  EXPECT_EQ(*version(tenant_, one.sha256), one);
}

TEST_P(LibraryStoreConformance, a_removed_file_frees_its_name_and_keeps_its_versions) {
  File f = fresh("s.sh");
  ASSERT_OK(put(f));
  EXPECT_CODE(remove(tenant_, "S.sh"), not_found);
  EXPECT_CODE(remove(other_tenant_, "s.sh"), not_found);
  EXPECT_OK(remove(tenant_, "s.sh"));
  EXPECT_CODE(remove(tenant_, "s.sh"), not_found);
  EXPECT_CODE(get(tenant_, "s.sh"), not_found);
  EXPECT_EQ(*version(tenant_, f.sha256), f);
  EXPECT_TRUE(list(tenant_)->empty());
  EXPECT_OK(put(fresh("S.sh")));
}

TEST_P(LibraryStoreConformance, the_list_is_by_name) {
  for (const char* name : {"b.sh", "C.sh", "a.sh"}) {
    ASSERT_OK(put(fresh(name)));
  }
  auto all = list(tenant_);
  ASSERT_OK(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].name, "C.sh");
  EXPECT_EQ((*all)[1].name, "a.sh");
  EXPECT_EQ((*all)[2].name, "b.sh");
  EXPECT_TRUE(list(other_tenant_)->empty());
}

}  // namespace reachback::testing
