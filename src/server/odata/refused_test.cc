// What is refused, and what the message says. Source: trust.md §5.3.
#include <gtest/gtest.h>

#include <chrono>

#include "base/bytes.h"
#include "server/odata/test_entity.h"

namespace reachback::server::odata {
namespace {

std::string refusal(std::string_view filter) {
  auto node = parse_filter(test::thing(), filter, test::bounds());
  EXPECT_FALSE(node.ok()) << filter;
  if (node) {
    return "";
  }
  EXPECT_EQ(node.error().code, Errc::invalid_query);
  EXPECT_TRUE(is_valid_utf8(node.error().message));
  return node.error().message;
}

struct Case {
  const char* filter;
  const char* message;
};

TEST(Refused, with_the_place_and_the_reason) {
  for (const Case& c : std::vector<Case>{
           {"",
            "$filter, character 1: the filter ends where a property, a function or a value is "
            "expected"},
           {"state eq 'Open' or 1 eq 1",
            "$filter, character 25: '1' stands where a property is expected"},
           {"colour eq 'x'", "$filter, character 1: 'colour' is no property of Thing"},
           {"1 eq colour", "$filter, character 6: 'colour' is no property of Thing"},
           {"name eq colour", "$filter, character 9: 'colour' is not a text in quotes, as name is"},
           {"name eq dnsName",
            "$filter, character 9: 'dnsName' is not a text in quotes, as name is"},
           {"name eq 5", "$filter, character 9: '5' is not a text in quotes, as name is"},
           {"name eq", "$filter, character 8: the end is not a text in quotes, as name is"},
           {"name",
            "$filter, character 5: the filter ends where eq, ne, gt, ge, lt, le or in is expected"},
           {"name has 'x'",
            "$filter, character 6: 'has' stands where eq, ne, gt, ge, lt, le or in is expected"},
           {"name eq 'x", "$filter, character 9: this text has no closing '"},
           {"name eq 'x' name",
            "$filter, character 13: 'name' stands where 'and' or 'or' is expected"},
           {"name eq 'x' and",
            "$filter, character 16: the filter ends where a property, a function or a value is "
            "expected"},
           {"name eq 'ü' xor good",
            "$filter, character 13: 'xor' stands where 'and' or 'or' is expected"},
           {"(name eq 'x'", "$filter, character 13: a ')' is missing"},
           {"name eq 'x')", "$filter, character 12: ')' stands where 'and' or 'or' is expected"},
           {"()",
            "$filter, character 2: ')' stands where a property, a function or a value is expected"},
           {"not",
            "$filter, character 4: the filter ends where a property, a function or a value is "
            "expected"},
           {"name eq \"x\"", "$filter, character 9: '\"' is not expected here"},
           {"name == 'x'", "$filter, character 6: '=' is not expected here"},
           {"name eq 'x'; drop", "$filter, character 12: ';' is not expected here"},
           {"count add 1 eq 2",
            "$filter, character 7: 'add' stands where eq, ne, gt, ge, lt, le or in is expected"},
           {"count eq 1.5", "$filter, character 10: '1.5' is not a whole number, as count is"},
           {"count eq '140'", "$filter, character 10: '140' is not a whole number, as count is"},
           {"count eq 10e9", "$filter, character 10: '10e9' is not a whole number, as count is"},
           {"count eq 99999999999999999999",
            "$filter, character 10: '99999999999999999999' is not a whole number, as count is"},
           {"good eq 1", "$filter, character 9: '1' is not true or false, as good is"},
           {"good gt true", "$filter, character 6: 'gt' does not fit good: use eq, ne or in"},
           {"state eq 'Shut'",
            "$filter, character 10: 'Shut' is no value of state: 'Open', 'Closed', 'Lost'"},
           {"state eq Open", "$filter, character 10: 'Open' is not a text in quotes, as state is"},
           {"state gt 'Open'", "$filter, character 7: 'gt' does not fit state: use eq, ne or in"},
           {"'Open' lt state", "$filter, character 8: 'lt' does not fit state: use eq, ne or in"},
           {"kind eq 'Nobody'",
            "$filter, character 9: 'Nobody' is no value of kind: 'Ours', 'Theirs'"},
           {"startswith(state,'O')", "$filter, character 12: state is no text"},
           {"startswith(id,'0')", "$filter, character 12: id is no text"},
           {"id gt '0f8fad5b-d9cb-469f-a165-70867728950e'",
            "$filter, character 4: 'gt' does not fit id: use eq, ne or in"},
           {"id eq '{0f8fad5b-d9cb-469f-a165-70867728950}'",
            "$filter, character 7: '{0f8fad5b-d9cb-469f-a165-70867728950}' is not a GUID, as id "
            "is"},
           {"id eq 'x'", "$filter, character 7: 'x' is not a GUID, as id is"},
           {"tolower(name) eq 'x'",
            "$filter, character 1: the function 'tolower' is not served: startswith, endswith and "
            "contains are"},
           {"substringof('x',name)",
            "$filter, character 1: the function 'substringof' is not served: startswith, endswith "
            "and contains are"},
           {"contains('x',name)", "$filter, character 10: 'x' stands where a property is expected"},
           {"contains(name,dnsName)",
            "$filter, character 15: 'dnsName' stands where a text in quotes is expected"},
           {"contains(name 'x')", "$filter, character 15: 'x' stands where ',' is expected"},
           {"contains(name,'x'", "$filter, character 18: the filter ends where ')' is expected"},
           {"contains(name,'x') eq 1",
            "$filter, character 23: '1' stands where true or false is expected"},
           {"contains(name,'x') ne true",
            "$filter, character 20: 'ne' stands where 'and' or 'or' is expected"},
           {"name in ()", "$filter, character 10: ')' is not a text in quotes, as name is"},
           {"name in 'x'", "$filter, character 9: 'x' stands where '(' is expected"},
           {"name in ('x'", "$filter, character 13: the filter ends where ')' is expected"},
           {"parts eq null", "$filter, character 1: parts cannot be filtered by"},
           {"parts/x eq 1", "$filter, character 1: parts cannot be filtered by"},
           {"name/x eq 1",
            "$filter, character 5: '/' stands where eq, ne, gt, ge, lt, le or in is expected"},
           {"tags eq 'red'",
            "$filter, character 6: tags holds several texts: use tags/any(x: x eq '...')"},
           {"'red' eq tags",
            "$filter, character 10: tags holds several texts: use tags/any(x: x eq '...')"},
           {"contains(tags,'red')",
            "$filter, character 10: tags holds several texts: use tags/any(x: x eq '...')"},
           {"tags/all(t: t eq 'red')", "$filter, character 6: 'all' stands where any is expected"},
           {"tags/any()",
            "$filter, character 10: ')' stands where the name of a variable is expected"},
           {"tags/any(t: name eq 'red')",
            "$filter, character 13: 'name' is not the variable of this any()"},
           {"tags/any(t: t ne 'red')",
            "$filter, character 15: 'ne' is not served in any(): use eq, in, startswith, endswith "
            "or contains"},
           {"tags/any(t: t gt 'red')",
            "$filter, character 15: 'gt' does not fit tags: use eq, ne or in"},
           {"tags/any(t: t eq null)", "$filter, character 18: no value of tags is null"},
           {"tags/any(t: contains(t,'x') eq false)",
            "$filter, character 29: 'eq' stands where ')' is expected"},
           {"tags/any(t: t eq 'a' or t eq 'b')",
            "$filter, character 22: 'or' stands where ')' is expected"},
           {"tags/any(t: t/any(u: u eq 'a'))",
            "$filter, character 14: '/' stands where eq, ne, gt, ge, lt, le or in is expected"},
       }) {
    EXPECT_EQ(refusal(c.filter), c.message) << c.filter;
  }
}

TEST(Refused, dates_that_are_none) {
  for (const char* date : {"2021-13-45T25:61Z",
                           "2021-13-01Z",
                           "2021-02-30Z",
                           "2021-02-00Z",
                           "0000-01-01Z",
                           "2021-02-04T24:00:00Z",
                           "2021-02-04T23:60:00Z",
                           "2021-02-04T23:59:60Z",
                           "2021-02-04T23Z",
                           "2021-02-04T15:36:52.Z",
                           "2021-02-04T15:36:52.1234567890123Z",
                           "2021-02-04T15:36:52+99:99",
                           "2021-02-04T15:36:52+14:01",
                           "2021-02-04T15:36:52+1:00",
                           "2021-02-04T15:36:52ZZ",
                           "2021-2-4",
                           "21-02-04",
                           "10000-01-01Z",
                           "20210204",
                           "-2021-02-04"}) {
    for (std::string quote : {"", "'"}) {
      EXPECT_EQ(
          refusal("made gt " + quote + date + quote),
          "$filter, character 9: '" + std::string(date) + "' is not a date and time, as made is");
    }
  }
  // An offset's '+' that was not encoded has become a blank.
  EXPECT_EQ(refusal("made gt 2021-02-04T15:36:52 02:00"),
            "$filter, character 29: '02:00' stands where 'and' or 'or' is expected");
}

TEST(Refused, what_is_beyond_a_limit_and_at_once) {
  auto begun = std::chrono::steady_clock::now();
  std::string deep = std::string(1000, '(') + "good" + std::string(1000, ')');
  EXPECT_EQ(refusal(deep),
            "$filter, character 9: more than 8 parentheses stand within one another");
  EXPECT_EQ(refusal("not" + deep),
            "$filter, character 12: more than 8 parentheses stand within one another");
  std::string terms = "good";
  for (int i = 1; i < 33; ++i) {
    terms += " or good";
  }
  EXPECT_EQ(refusal(terms), "$filter, character 257: more than 32 comparisons");
  std::string values = "count in (0";
  for (int i = 0; i < 100; ++i) {
    values += ",0";
  }
  EXPECT_EQ(refusal(values + ")"), "$filter, character 211: more than 100 values");
  std::string huge = "good";
  for (int i = 0; i < 10'000; ++i) {
    huge += " or good";
  }
  EXPECT_EQ(refusal(huge), "$filter is longer than 4096 bytes");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(500));
  std::string just = std::string(8, '(') + "good" + std::string(8, ')');
  EXPECT_TRUE(parse_filter(test::thing(), just, test::bounds()).ok());
}

TEST(Refused, long_names_are_cut_in_the_message) {
  std::string name;
  for (int i = 0; i < 100; ++i) {
    name += "ü";
  }
  EXPECT_LT(refusal("'" + name + "' eq 5").size(), 200u);
  EXPECT_LT(refusal("name eq " + std::string(1000, 'x')).size(), 200u);
}

TEST(Refused, orders_and_selections) {
  auto order = [](const char* text) {
    auto keys = parse_order(test::thing(), text, test::bounds());
    return keys ? std::string("served") : keys.error().message;
  };
  EXPECT_EQ(order("name;drop"), "$orderby, character 5: ';' is not expected here");
  EXPECT_EQ(order(""), "$orderby, character 1: a property is missing");
  EXPECT_EQ(order("name,"), "$orderby, character 6: a property is missing");
  EXPECT_EQ(order("name down"), "$orderby, character 6: 'down' stands where ',' is expected");
  EXPECT_EQ(order("colour"), "$orderby, character 1: 'colour' is no property of Thing");
  EXPECT_EQ(order("tags"), "$orderby, character 1: tags cannot be ordered by");
  EXPECT_EQ(order("name desc,parts"), "$orderby, character 11: parts cannot be ordered by");
  EXPECT_EQ(order("name,count,made,good,state"), "$orderby, character 22: more than 4 properties");
  auto select = [](const char* text) {
    auto chosen = parse_select(test::thing(), text, test::bounds());
    return chosen ? std::string("served") : chosen.error().message;
  };
  EXPECT_EQ(select(""), "$select, character 1: a property is missing");
  EXPECT_EQ(select("name,colour"), "$select, character 6: 'colour' is no property of Thing");
  EXPECT_EQ(select("name/x"), "$select, character 5: '/' stands where ',' is expected");
  EXPECT_EQ(select("name count"), "$select, character 6: 'count' stands where ',' is expected");
}

}  // namespace
}  // namespace reachback::server::odata
