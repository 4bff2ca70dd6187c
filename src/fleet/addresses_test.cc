#include "fleet/addresses.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <set>

namespace reachback::fleet {
namespace {

TEST(Addresses, OnlyAServerOnLoopbackIsReachedFromThere) {
  EXPECT_TRUE(takes_loopback_sources("127.0.0.1"));
  EXPECT_TRUE(takes_loopback_sources("127.200.3.4"));
  for (const char* host : {"localhost", "::1", "10.0.0.1", "128.0.0.1", "", "127.0.0.1.example"}) {
    EXPECT_FALSE(takes_loopback_sources(host)) << host;
  }
}

TEST(Addresses, EachAgentHasItsOwnUntilTheyAreUsedUp) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < 70'000; ++i) {
    const std::string address = source_address(i, 70'000);
    in_addr parsed{};
    ASSERT_EQ(::inet_pton(AF_INET, address.c_str(), &parsed), 1) << address;
    ASSERT_EQ(ntohl(parsed.s_addr) >> 24, 127u);
    ASSERT_TRUE(seen.insert(address).second) << address;
  }
  EXPECT_EQ(source_address(0, 3), "127.16.0.1");
  EXPECT_EQ(source_address(3, 3), "127.16.0.1");
  EXPECT_EQ(source_address(255, 70'000), "127.16.1.0");
  EXPECT_EQ(source_address(kSourcesMax - 1, kSourcesMax).substr(0, 4), "127.");
}

}  // namespace
}  // namespace reachback::fleet
