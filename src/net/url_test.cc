#include <gtest/gtest.h>

#include "net/connect.h"
#include "net/http_client.h"

namespace reachback::net {
namespace {

TEST(Url, Is_taken_apart) {
  auto url = parse_url("https://Host.example:8443/a/b?c");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->origin.scheme, "https");
  EXPECT_EQ(url->origin.host, "host.example");
  EXPECT_EQ(url->origin.port, "8443");
  EXPECT_EQ(url->target, "/a/b?c");
  EXPECT_EQ(host_field(url->origin), "host.example:8443");

  url = parse_url("wss://[::1]?x");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->origin.host, "::1");
  EXPECT_EQ(url->origin.port, "443");
  EXPECT_EQ(url->target, "/?x");
  EXPECT_EQ(host_field(url->origin), "[::1]");
}

TEST(Url, What_is_none_is_named) {
  for (const char* text : {"", "host", "ftp://h/", "https://", "https:///x", "https://a@b/",
                           "https://h:0/", "https://h:99999/", "https://h:8x/", "https://h/a b",
                           "https://h/#f", "https://[::1", "https://h h/", "https://h/\r\nX: y"}) {
    auto url = parse_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().code, Errc::invalid_input);
    EXPECT_NE(url.error().message.find(text), std::string::npos);
  }
}

}  // namespace
}  // namespace reachback::net
