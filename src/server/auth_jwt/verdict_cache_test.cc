#include "server/auth_jwt/verdict_cache.h"

#include <gtest/gtest.h>

namespace reachback::server {
namespace {

Sha256 digest_of(int i) {
  return crypto::sha256("token " + std::to_string(i));
}

TEST(VerdictCache, gives_back_what_was_put) {
  VerdictCache cache(100);
  EXPECT_EQ(cache.find(digest_of(1)), nullptr);
  auto verdict = std::make_shared<const Verdict>();
  cache.put(digest_of(1), verdict);
  EXPECT_EQ(cache.find(digest_of(1)), verdict);
  EXPECT_EQ(cache.find(digest_of(2)), nullptr);
}

TEST(VerdictCache, the_last_verdict_of_a_token_counts) {
  VerdictCache cache(100);
  auto second = std::make_shared<const Verdict>();
  cache.put(digest_of(1), std::make_shared<const Verdict>());
  cache.put(digest_of(1), second);
  EXPECT_EQ(cache.find(digest_of(1)), second);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(VerdictCache, holds_no_more_than_its_bound_and_drops_the_oldest) {
  VerdictCache cache(160);
  for (int i = 0; i < 5000; ++i) {
    cache.put(digest_of(i), std::make_shared<const Verdict>());
    ASSERT_LE(cache.size(), 160u);
  }
  EXPECT_EQ(cache.size(), 160u);
  EXPECT_NE(cache.find(digest_of(4999)), nullptr);
  EXPECT_EQ(cache.find(digest_of(0)), nullptr);
}

}  // namespace
}  // namespace reachback::server
