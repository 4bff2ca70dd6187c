#include "base/bytes.h"

#include <gtest/gtest.h>

namespace reachback {
namespace {

TEST(Bytes, hex_goes_there_and_back_in_lower_case_only) {
  EXPECT_EQ(to_hex(std::string("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(from_hex("007fff"), std::string("\x00\x7f\xff", 3));
  for (const char* bad : {"0", "0g", "0A", " 00"}) {
    EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
  }
}

TEST(Bytes, base64_follows_rfc_4648_and_takes_canonical_text_only) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(plain), text);
    EXPECT_EQ(from_base64(text), plain);
  }
  for (const char* bad : {"Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\n", "Zm9-", "Zg==Zg=="}) {
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(from_base64url("-_8"), "\xfb\xff");
  for (const char* bad : {"-_8=", "-_9", "+/8", "A"}) {
    EXPECT_EQ(from_base64url(bad), std::nullopt) << bad;
  }
}

TEST(Bytes, utf8_is_told_from_what_only_looks_like_it) {
  for (const char* good :
       {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << to_hex(good);
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xff", "a\xe2\x82"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << to_hex(bad);
  }
}

TEST(Bytes, what_is_no_utf8_is_shown_as_such) {
  EXPECT_EQ(to_valid_utf8("a\xc3\xa9"), "a\xc3\xa9");
  EXPECT_EQ(to_valid_utf8("a\xff"
                          "b\xe2\x82"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  // One for each part that could have become a character. Source: Unicode 15, table 3-8.
  EXPECT_EQ(to_valid_utf8("a\xf1\x80\x80\xe1\x80\xc2"
                          "b\x80"
                          "c\x80\xbf"
                          "d"),
            "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
            "b\xef\xbf\xbd"
            "c\xef\xbf\xbd\xef\xbf\xbd"
            "d");
}

TEST(Bytes, a_cut_never_leaves_half_a_character) {
  EXPECT_EQ(cut_utf8("abc", 3), "abc");
  EXPECT_EQ(cut_utf8("abc", 2), "ab");
  EXPECT_EQ(cut_utf8("a\xc3\xa9z", 2), "a");
  EXPECT_EQ(cut_utf8("a\xc3\xa9z", 3), "a\xc3\xa9");
  EXPECT_EQ(cut_utf8("\xf0\x9f\x98\x80", 3), "");
}

TEST(Bytes, percent_decoding_happens_once_and_refuses_broken_escapes) {
  EXPECT_EQ(percent_decode("a%2Fb%28index%3d0%29"), "a/b(index=0)");
  EXPECT_EQ(percent_decode("%252F"), "%2F");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", /*plus_is_space=*/true), "a b");
  for (const char* bad : {"%", "%2", "%zz", "%00", "x%"}) {
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(percent_encode("a/b+c=", "/"), "a/b%2Bc%3D");
}

TEST(Bytes, case_is_ignored_for_ascii_only) {
  EXPECT_TRUE(equals_ignore_case("MachineActions", "machineactions"));
  EXPECT_FALSE(equals_ignore_case("a", "ab"));
  EXPECT_FALSE(equals_ignore_case("\xc3\x89", "\xc3\xa9"));
}

}  // namespace
}  // namespace reachback
