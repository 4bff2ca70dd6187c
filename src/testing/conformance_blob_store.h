// What every BlobStore keeps. A test file includes this and says
//   INSTANTIATE_TEST_SUITE_P(Fake, BlobStoreConformance, testing::Values(make_fixture));
// where make_fixture returns a fresh store and what it needs.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "protocol/blob_sas.h"
#include "server/ports/blob_store.h"
#include "testing/wait_for.h"

namespace reachback::testing {

class BlobStoreFixture {
 public:
  virtual ~BlobStoreFixture() = default;
  virtual server::BlobStore& store() = 0;
};
using MakeBlobStoreFixture = std::function<std::unique_ptr<BlobStoreFixture>()>;

class BlobStoreConformance : public ::testing::TestWithParam<MakeBlobStoreFixture> {
 protected:
  using Info = server::BlobInfo;
  server::BlobStore& store() { return fixture_->store(); }
  Result<Info> put(const TenantId& tenant, const std::string& name, const std::string& bytes) {
    return wait_for<Info>([&](auto done) { store().put(tenant, name, bytes, done); });
  }
  Result<Info> stat(const TenantId& tenant, const std::string& name) {
    return wait_for<Info>([&](auto done) { store().stat(tenant, name, done); });
  }
  Result<std::string> read(const TenantId& tenant, const std::string& name,
                           std::uint64_t max_bytes = 1 << 20) {
    return wait_for<std::string>([&](auto done) { store().read(tenant, name, max_bytes, done); });
  }
  Result<void> remove(const TenantId& tenant, const std::string& name) {
    return wait_for([&](auto done) { store().remove(tenant, name, done); });
  }
  template <typename T>
  static Errc code(const Result<T>& result) {
    return result.ok() ? Errc::internal : result.error().code;
  }

  std::unique_ptr<BlobStoreFixture> fixture_ = GetParam()();
  const TenantId tenant_ = *TenantId::parse("0c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11");
  const TenantId other_tenant_ = *TenantId::parse("1c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11");
  const std::string name_ = "4ed5e7193ad040cbb1b5b8f3d7a7e8a2";
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BlobStoreConformance);

TEST_P(BlobStoreConformance, WhatWasPutIsReadBack) {
  std::string bytes("a\0b\xff\n", 5);
  auto stored = put(tenant_, name_, bytes);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(stored->bytes, 5u);
  EXPECT_EQ(stored->sha256, crypto::sha256(bytes));
  auto info = stat(tenant_, name_);
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->bytes, 5u);
  EXPECT_EQ(info->sha256, crypto::sha256(bytes));
  auto back = read(tenant_, name_);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, bytes);
}

TEST_P(BlobStoreConformance, AnEmptyBlobIsABlob) {
  ASSERT_TRUE(put(tenant_, name_, "").ok());
  auto info = stat(tenant_, name_);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->bytes, 0u);
  auto back = read(tenant_, name_, 0);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, "");
}

TEST_P(BlobStoreConformance, TheSameBytesAgainAreFineOthersAreNot) {
  ASSERT_TRUE(put(tenant_, name_, "first").ok());
  EXPECT_TRUE(put(tenant_, name_, "first").ok());
  EXPECT_EQ(code(put(tenant_, name_, "other")), Errc::already_exists);
  EXPECT_EQ(code(put(tenant_, name_, "")), Errc::already_exists);
  auto back = read(tenant_, name_);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, "first");
}

TEST_P(BlobStoreConformance, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(code(stat(tenant_, name_)), Errc::not_found);
  EXPECT_EQ(code(read(tenant_, name_)), Errc::not_found);
}

TEST_P(BlobStoreConformance, TenantsDoNotSeeEachOther) {
  ASSERT_TRUE(put(tenant_, name_, "mine").ok());
  EXPECT_EQ(code(stat(other_tenant_, name_)), Errc::not_found);
  ASSERT_TRUE(put(other_tenant_, name_, "theirs").ok());
  ASSERT_TRUE(remove(other_tenant_, name_).ok());
  auto back = read(tenant_, name_);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, "mine");
}

TEST_P(BlobStoreConformance, ReadIsBounded) {
  ASSERT_TRUE(put(tenant_, name_, "12345").ok());
  EXPECT_EQ(code(read(tenant_, name_, 4)), Errc::too_large);
  EXPECT_TRUE(read(tenant_, name_, 5).ok());
}

TEST_P(BlobStoreConformance, RemovedIsGoneAndRemovingAgainIsFine) {
  ASSERT_TRUE(put(tenant_, name_, "bytes").ok());
  ASSERT_TRUE(remove(tenant_, name_).ok());
  EXPECT_EQ(code(stat(tenant_, name_)), Errc::not_found);
  EXPECT_TRUE(remove(tenant_, name_).ok());
  EXPECT_TRUE(put(tenant_, name_, "new bytes").ok());
}

TEST_P(BlobStoreConformance, AnyOtherNameIsRefusedEverywhere) {
  for (const std::string& bad :
       {std::string(), std::string("4ED5E7193AD040CBB1B5B8F3D7A7E8A2"), name_ + "0",
        name_.substr(1), std::string("../../../../../../../../etc/passwd"),
        std::string("4ed5e7193ad040cbb1b5b8f3d7a7e8/2"), std::string(32, '.'),
        std::string(31, 'a') + std::string(1, '\0')}) {
    EXPECT_EQ(code(put(tenant_, bad, "x")), Errc::invalid_input) << bad;
    EXPECT_EQ(code(stat(tenant_, bad)), Errc::invalid_input) << bad;
    EXPECT_EQ(code(read(tenant_, bad)), Errc::invalid_input) << bad;
    EXPECT_EQ(code(remove(tenant_, bad)), Errc::invalid_input) << bad;
    EXPECT_EQ(code(store().write_link(tenant_, bad, Timestamp{})), Errc::invalid_input) << bad;
    EXPECT_EQ(code(store().read_link(tenant_, bad, Timestamp{}, server::LinkHost::public_url)),
              Errc::invalid_input)
        << bad;
  }
}

TEST_P(BlobStoreConformance, ManyWritersOfOneNameLeaveOneBlob) {
  constexpr int kWriters = 8;
  std::vector<std::thread> writers;
  std::atomic<int> ok{0}, refused{0};
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      auto result = put(tenant_, name_, "writer " + std::to_string(i));
      (result.ok() ? ok : refused) += 1;
    });
  }
  for (auto& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(ok, 1);
  EXPECT_EQ(refused, kWriters - 1);
  EXPECT_TRUE(stat(tenant_, name_).ok());
}

// Source: mde-spec.md §3.1 and the sample link there; decisions.md 9.
TEST_P(BlobStoreConformance, AReadLinkHasTheShapeOfMde) {
  const Timestamp expires = *parse_time("2021-02-04T16:13:50.9Z");  // cut to seconds
  auto link = store().read_link(tenant_, name_, expires, server::LinkHost::public_url);
  ASSERT_TRUE(link.ok()) << link.error().message;
  EXPECT_TRUE(link->starts_with("https://")) << *link;
  const std::string path = "/investigation-actions-data/" + tenant_.text() +
                           "/CustomPlaybookCommandOutput/" + name_ +
                           "?se=2021-02-04T16%3A13%3A50Z&sp=r&sv=2019-07-07&sr=b&sig=";
  auto at = link->find(path);
  ASSERT_NE(at, std::string::npos) << *link;
  EXPECT_EQ(link->find('&', at + path.size()), std::string::npos) << *link;
  EXPECT_TRUE(protocol::sas_token_id_of_link(*link).ok());
}

TEST_P(BlobStoreConformance, AWriteLinkIsForTheAgentsListener) {
  const Timestamp expires = *parse_time("2021-02-04T16:13:50Z");
  auto write = store().write_link(tenant_, name_, expires);
  auto read_here = store().read_link(tenant_, name_, expires, server::LinkHost::agent_listener);
  auto read_there = store().read_link(tenant_, name_, expires, server::LinkHost::public_url);
  ASSERT_TRUE(write.ok() && read_here.ok() && read_there.ok());
  auto host = [](const std::string& url) { return url.substr(0, url.find('/', 8)); };
  EXPECT_EQ(host(*write), host(*read_here));
  EXPECT_NE(host(*write), host(*read_there));
  EXPECT_NE(write->find("&sp=cw&"), std::string::npos) << *write;
}

TEST_P(BlobStoreConformance, ALinkCanBeMadeBeforeTheBlobIsThereAndIsTheSameForTheSameExpiry) {
  const Timestamp expires = *parse_time("2021-02-04T16:13:50Z");
  auto before = store().read_link(tenant_, name_, expires, server::LinkHost::public_url);
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE(put(tenant_, name_, "x").ok());
  auto after = store().read_link(tenant_, name_, expires, server::LinkHost::public_url);
  auto later = store().read_link(tenant_, name_, expires + std::chrono::seconds(1),
                                 server::LinkHost::public_url);
  ASSERT_TRUE(after.ok() && later.ok());
  EXPECT_EQ(*before, *after);
  EXPECT_NE(*before, *later);
}

}  // namespace reachback::testing
