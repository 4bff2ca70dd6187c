// What the conformance suites of the stores run on. A test program that has stores includes the
// five suites once and instantiates them:
//   INSTANTIATE_TEST_SUITE_P(Fake, ActionStoreConformance, ::testing::Values(maker));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>

#include "server/ports/action_store.h"
#include "server/ports/directory.h"
#include "server/ports/users.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::testing {

class StoresUnderTest {
 public:
  virtual ~StoresUnderTest() = default;
  virtual server::ActionStore& actions() = 0;
  virtual server::MachineStore& machines() = 0;
  virtual server::LibraryStore& library() = 0;
  virtual server::AppStore& apps() = 0;
  virtual server::UserStore& users() = 0;
};

struct StoresMaker {
  const char* name;
  std::function<std::unique_ptr<StoresUnderTest>()> make;
  friend std::ostream& operator<<(std::ostream& out, const StoresMaker& m) { return out << m.name; }
};

class StoresConformance : public ::testing::TestWithParam<StoresMaker> {
 protected:
  void SetUp() override {
    stores_ = GetParam().make();
    ASSERT_NE(stores_, nullptr);
  }

  SeededRandom random_{7};
  TenantId tenant_ = TenantId::make(random_);
  TenantId other_tenant_ = TenantId::make(random_);
  std::unique_ptr<StoresUnderTest> stores_;
};

// The code of a result, for one-line expectations; nullopt when it is ok.
template <typename T>
std::optional<Errc> code_of(const Result<T>& r) {
  return r ? std::nullopt : std::optional(r.error().code);
}

}  // namespace reachback::testing

#define EXPECT_CODE(result, errc) \
  EXPECT_EQ(::reachback::testing::code_of(result), std::optional(::reachback::Errc::errc))
#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().message
#define EXPECT_OK(result) EXPECT_TRUE((result).ok()) << (result).error().message
