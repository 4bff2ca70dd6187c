#include "json/json.h"

#include <gtest/gtest.h>

namespace reachback::json {
namespace {

TEST(Json, is_written_compact_and_in_order) {
  Object o;
  o["b"] = 1;
  o["a"] = nullptr;
  EXPECT_EQ(write(o), R"({"b":1,"a":null})");
}

TEST(Json, strict_reading_refuses_what_others_let_pass) {
  EXPECT_TRUE(parse(R"({"a":[1,{"b":"\u0000"}]})").ok());
  const std::string deep = std::string(17, '[') + std::string(17, ']');
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("{}x"), std::string(R"({"a":1,"a":2})"),
        std::string(R"({"o":{"a":1,"\u0061":2}})"), std::string("\xef\xbb\xbf{}"),
        std::string("\"\xff\""), deep, std::string("{\0}", 3), std::string("NaN"),
        std::string("{'a':1}"), std::string("[1,]")}) {
    auto r = parse(bad);
    ASSERT_FALSE(r.ok()) << bad;
    EXPECT_EQ(r.error().code, Errc::invalid_body);
  }
  EXPECT_NE(parse(R"({"x":1,"x":1})").error().message.find("'x' twice"), std::string::npos);
}

// Found by fuzz/json: 1e400 was read as infinity and 0.0e4279 as NaN, which no JSON text can say.
TEST(Json, a_number_that_no_double_holds_is_refused) {
  EXPECT_TRUE(parse("[1e308,-1e308,0.0]").ok());
  for (const char* bad : {"1e309", "-1e400", "0.0e4279", R"({"a":[1e400]})"}) {
    auto r = parse(bad);
    ASSERT_FALSE(r.ok()) << bad;
    EXPECT_EQ(r.error().code, Errc::invalid_body);
    EXPECT_NE(r.error().message.find("number"), std::string::npos) << r.error().message;
  }
}

TEST(Json, quoting_replaces_what_is_not_utf8) {
  EXPECT_EQ(quote("a\"b\n"), R"("a\"b\n")");
  EXPECT_EQ(quote("a\xff"
                  "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(quote("\xe2\x82\xeb"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");  // two beginnings
  EXPECT_EQ(quote(std::string("\0", 1)), R"("\u0000")");
}

}  // namespace
}  // namespace reachback::json
