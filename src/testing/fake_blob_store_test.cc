#include "testing/fake_blob_store.h"

#include "testing/conformance_blob_store.h"

namespace reachback::testing {
namespace {

class Fixture : public BlobStoreFixture {
 public:
  server::BlobStore& store() override { return store_; }

 private:
  FakeBlobStore store_;
};

INSTANTIATE_TEST_SUITE_P(Fake, BlobStoreConformance,
                         ::testing::Values([] { return std::make_unique<Fixture>(); }));

TEST(FakeBlobStore, BytesGoInAndOutByLink) {
  FakeBlobStore store;
  const Timestamp now = *parse_time("2026-01-01T00:00:00Z"), end = now + std::chrono::hours(1);
  const TenantId tenant;
  const std::string name(32, 'a');
  auto write = store.write_link(tenant, name, end);
  auto read = store.read_link(tenant, name, end, server::LinkHost::public_url);
  ASSERT_TRUE(write.ok() && read.ok());
  EXPECT_TRUE(store.put_by_link(*write, "bytes", now).ok());
  auto back = store.read_by_link(*read, now);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, "bytes");
  EXPECT_FALSE(store.put_by_link(*read, "bytes", now).ok());
  EXPECT_FALSE(store.read_by_link(*write, now).ok());
  EXPECT_FALSE(store.read_by_link(*read, end).ok());
  store.damage(tenant, name);
  EXPECT_EQ(store.read_by_link(*read, now).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace reachback::testing
