#include "server/auth_jwt/audiences.h"

#include <gtest/gtest.h>

namespace reachback::server {
namespace {

AudienceList list() {
  return AudienceList("https://rb.example:8443/",
                      {"https://alias.example", "https://10.0.0.1:443"});
}

// Source: clients.md 4; mde-spec.md §1.1.
const char* const kAccepted[] = {
    "https://api.securitycenter.windows.com",
    "https://api.securitycenter.microsoft.com",
    "https://api.security.microsoft.com",
    "https://api-eu.securitycenter.microsoft.com",
    "https://api-us.securitycenter.windows.com",
    "https://swa.api.security.microsoft.com",
    "https://api-gov.securitycenter.microsoft.us",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "https://rb.example:8443",
    "https://alias.example",
    "https://10.0.0.1:443",
    "fc780465-2017-40d4-a0c5-307022471b92",
};

const char* const kRefused[] = {
    "",
    " ",
    "/",
    "https://graph.microsoft.com",
    "https://api.security.microsoft.com.evil.example",
    "https://api.security.microsoft.com//",
    "https://api.security.microsoft.com/api",
    "http://api.security.microsoft.com",
    "api.security.microsoft.com",
    "https://rb.example",
    "https://rb.example:8444",
    "*",
    "https://*.security.microsoft.com",
};

TEST(Audiences, every_spelling_of_a_resource_is_accepted) {
  for (std::string name : kAccepted) {
    for (const std::string& slash : {std::string(), std::string("/")}) {
      auto aud = list().of_resource(name + slash);
      ASSERT_TRUE(aud.ok()) << name << slash;
      EXPECT_EQ(*aud, name + slash);
      EXPECT_TRUE(list().accepts(*aud));
    }
  }
}

TEST(Audiences, every_spelling_of_a_scope_is_accepted) {
  for (std::string name : kAccepted) {
    auto plain = list().of_scope(name + "/.default");
    ASSERT_TRUE(plain.ok()) << name;
    EXPECT_EQ(*plain, name);
    auto doubled = list().of_scope(name + "//.default");
    ASSERT_TRUE(doubled.ok()) << name;
    EXPECT_EQ(*doubled, name + "/");
    EXPECT_TRUE(list().accepts(*doubled));
  }
}

TEST(Audiences, case_does_not_matter_and_comes_out_lower) {
  EXPECT_EQ(*list().of_resource("HTTPS://API.Security.Microsoft.com"),
            "https://api.security.microsoft.com");
  EXPECT_EQ(*list().of_scope("https://SecurityCenter.onmicrosoft.com/WindowsATPService/.Default"),
            "https://securitycenter.onmicrosoft.com/windowsatpservice");
}

TEST(Audiences, names_of_others_are_refused) {
  for (std::string name : kRefused) {
    auto resource = list().of_resource(name);
    ASSERT_FALSE(resource.ok()) << name;
    EXPECT_EQ(resource.error().code, Errc::invalid_scope);
    auto scope = list().of_scope(name + "/.default");
    ASSERT_FALSE(scope.ok()) << name;
    EXPECT_EQ(scope.error().code, Errc::invalid_scope);
    EXPECT_FALSE(list().accepts(name)) << name;
  }
}

TEST(Audiences, a_scope_must_be_the_default_one) {
  for (const char* scope :
       {"https://api.security.microsoft.com", "https://api.security.microsoft.com/",
        "https://api.security.microsoft.com/Machine.LiveResponse", ".default", "/.default",
        "https://api.security.microsoft.com.default", "openid", "openid offline_access"}) {
    auto result = list().of_scope(scope);
    ASSERT_FALSE(result.ok()) << scope;
    EXPECT_EQ(result.error().code, Errc::invalid_scope);
  }
}

TEST(Audiences, several_scopes_are_fine_when_all_are_ours) {
  EXPECT_EQ(*list().of_scope("https://alias.example/.default https://rb.example:8443/.default"),
            "https://alias.example");
  EXPECT_EQ(*list().of_scope("  https://alias.example/.default  "), "https://alias.example");
  EXPECT_FALSE(
      list().of_scope("https://alias.example/.default https://graph.microsoft.com/.default").ok());
  EXPECT_FALSE(list().of_scope("https://alias.example/.default openid").ok());
  EXPECT_FALSE(list().of_resource(" https://alias.example").ok());
}

TEST(Audiences, ten_thousand_words_are_refused_with_a_short_message) {
  std::string scope;
  for (int i = 0; i < 10'000; ++i) {
    scope += "https://alias.example/.default ";
  }
  auto result = list().of_scope(scope);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::invalid_scope);
  EXPECT_LT(result.error().message.size(), 400u);
}

TEST(Audiences, hostile_bytes_do_not_reach_the_message) {
  auto result = list().of_resource("https://x\r\n\x1b[31m\xff");
  ASSERT_FALSE(result.ok());
  for (char c : result.error().message) {
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    EXPECT_LT(static_cast<unsigned char>(c), 0x7f);
  }
}

}  // namespace
}  // namespace reachback::server
