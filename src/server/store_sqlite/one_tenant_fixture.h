// A database with one tenant, which a test may close and open again.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "server/store_sqlite/store_sqlite.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {

class OneTenant : public ::testing::Test {
 protected:
  OneTenant() {
    EXPECT_TRUE(SqliteStore::create(options()).ok());
    reopen();
    EXPECT_TRUE(testing::wait_for([&](auto d) {
                  store_->apps().add_tenant(Tenant{tenant_, "one"}, d);
                }).ok());
  }
  SqliteStoreOptions options() const {
    SqliteStoreOptions o;
    o.path = folder_ / "db";
    return o;
  }
  void reopen() {
    store_.reset();
    auto opened = SqliteStore::open(options());
    ASSERT_TRUE(opened.ok());
    store_ = std::move(*opened);
  }

  testing::TemporaryFolder folder_;
  testing::SeededRandom random_{7};
  TenantId tenant_ = *TenantId::from_bytes(std::string(16, 't'));
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace reachback::server
