// What a filter means: text in, the rows that fit out.
#include <gtest/gtest.h>

#include "server/odata/test_entity.h"

namespace reachback::server::odata {
namespace {

bool fits_sample(std::string_view filter) {
  auto node = parse_filter(test::thing(), filter, test::bounds());
  EXPECT_TRUE(node.ok()) << filter << ": " << (node ? "" : node.error().message);
  const test::Thing row = test::sample();
  return node && fits(*node, test::getter(row));
}

struct Case {
  const char* filter;
  bool fits;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(fits_sample(c.filter), c.fits) << c.filter;
  }
}

TEST(Filter, comparisons_of_every_type) {
  expect_all({{"name eq 'it''s'", true},
              {"name ne 'it''s'", false},
              {"name eq 'IT''S'", false},
              {"name gt 'is'", true},
              {"name le 'is'", false},
              {"dnsName eq 'HOST.example'", true},
              {"dnsName ge 'Host'", true},
              {"id eq '0F8FAD5B-d9cb-469f-a165-70867728950e'", true},
              {"id eq 0f8fad5b-d9cb-469f-a165-70867728950e", true},
              {"id ne 'af8fad5b-d9cb-469f-a165-70867728950e'", true},
              {"id eq af8fad5b-d9cb-469f-a165-70867728950e", false},
              {"count eq 140", true},
              {"count gt -1", true},
              {"count lt +140", false},
              {"count le 140", true},
              {"count ge 9223372036854775807", false},
              {"good eq true", true},
              {"good ne TRUE", false},
              {"good", true},
              {"not good", false},
              {"(good)", true},
              {"good and count eq 140", true},
              {"good or count eq 1", true},
              {"state eq 'Lost'", true},
              {"STATE EQ 'lost'", true},
              {"state ne 'Open'", true},
              {"state in ('Open','Closed')", false},
              {"state in ( 'Lost' , 'Closed' )", true},
              {"count in (1,140)", true},
              {"not (count in (1,140))", false},
              {"140 eq count", true},
              {"1 lt count", true},
              {"1 ge count", false},
              {"'it''s' ne name", false}});
}

TEST(Filter, dates_in_every_form) {
  expect_all({{"made eq 2021-02-04T15:36:52.778884Z", true},
              {"made eq '2021-02-04T15:36:52.778884Z'", true},
              {"made eq 2021-02-04T17:06:52.778884+01:30", true},
              {"made eq 2021-02-04T10:36:52.778884-05:00", true},
              {"made eq 2021-02-04t15:36:52.778884000000z", true},
              {"made gt 2021-02-04", true},
              {"made gt 2021-02-04Z", true},
              {"made lt 2021-02-05Z", true},
              {"made ge 2021-02-04T15:36Z", true},
              {"made ge 2021-02-04T15:36:52", true},
              {"made ge 0001-01-01Z", true},
              {"made le 9999-12-31T23:59:59.999999999999Z", true}});
}

TEST(Filter, a_date_finer_than_microseconds_lies_between_two) {
  expect_all({{"made eq 2021-02-04T15:36:52.7788848Z", false},
              {"made ne 2021-02-04T15:36:52.7788848Z", true},
              {"made lt 2021-02-04T15:36:52.7788848Z", true},
              {"made le 2021-02-04T15:36:52.7788848Z", true},
              {"made gt 2021-02-04T15:36:52.7788848Z", false},
              {"made ge 2021-02-04T15:36:52.7788848Z", false},
              {"made gt 2021-02-04T15:36:52.7788838Z", true},
              {"made ge 2021-02-04T15:36:52.7788838Z", true},
              {"made le 2021-02-04T15:36:52.7788838Z", false},
              {"made in (2021-02-04T15:36:52.7788848Z)", false},
              {"not (made in (2021-02-04T15:36:52.7788848Z))", true}});
}

TEST(Filter, functions_alone_and_compared) {
  expect_all({{"startswith(name,'it')", true},
              {"StartsWith( name , 'IT' )", false},
              {"endswith(name,'''s')", true},
              {"contains(dnsName,'T.EX')", true},
              {"contains(name,'')", true},
              {"contains(name,'%')", false},
              {"not contains(name,'x')", true},
              {"not(contains(name,'t'))", false},
              {"contains(name,'t') eq true", true},
              {"contains(name,'t') eq false", false},
              {"not contains(name,'t') eq false", true}});
}

TEST(Filter, one_of_several_texts) {
  expect_all({{"tags/any(t: t eq 'red')", true},
              {"tags/any(t:t eq 'Red')", false},
              {"Tags/Any(tag:'deep blue' eq tag)", true},
              {"tags/any(t: startswith(t,'deep'))", true},
              {"tags/any(t: t in ('a','red'))", true},
              {"not tags/any(t: t eq 'green')", true},
              {"not tags/any(t: contains(t,'e'))", false},
              {"not (tags/any(t: t eq 'green') or tags/any(t: t eq 'red'))", false},
              {"tags/any(t: t eq 'green') or tags/any(t: t eq 'red')", true}});
}

// Source: OData 4.01 URL Conventions, 5.1.1.1: null equals null only, is not more or less than
// anything, and a function of it is null.
TEST(Filter, null) {
  expect_all({{"ended eq null", true},
              {"ended ne null", false},
              {"null eq ended", true},
              {"made eq null", false},
              {"made ne null", true},
              {"ended ne 2021-02-04Z", true},
              {"not (ended eq 2021-02-04Z)", true},
              {"ended gt 2021-02-04Z", false},
              {"ended le 2021-02-04Z", false},
              {"not (ended gt 2021-02-04Z)", true},
              {"ended gt null", false},
              {"not (made gt null)", true},
              {"ended in (null)", true},
              {"ended in (2021-02-04Z,null)", true},
              {"ended in (2021-02-04Z)", false},
              {"not (ended in (2021-02-04Z))", true},
              {"not (ended in (2021-02-04Z,null))", false},
              {"state eq null", false}});
  test::Thing row = test::sample();
  row.erase("dnsName");
  for (const char* never : {"contains(dnsName,'')", "not contains(dnsName,'x')",
                            "contains(dnsName,'x') eq false", "dnsName eq ''"}) {
    auto node = parse_filter(test::thing(), never, test::bounds());
    ASSERT_TRUE(node.ok());
    EXPECT_FALSE(fits(*node, test::getter(row))) << never;
  }
}

TEST(Filter, and_binds_closer_than_or_and_not_closest) {
  expect_all({{"good or good and count eq 1", true},
              {"(good or good) and count eq 1", false},
              {"count eq 1 and good or good", true},
              {"not good or good", true},
              {"not (good or good)", false},
              {"not not good", true},
              {"not (not (good and count eq 140))", true},
              {"not count eq 140", false},
              {"not (count eq 1 and (good or state eq 'Open'))", true},
              {"good AND NOT (count Eq 1 OR state eq 'Open')", true}});
}

TEST(Filter, a_constant_is_answered_without_a_row) {
  auto shape = [](const char* filter) {
    auto node = parse_filter(test::thing(), filter, test::bounds());
    EXPECT_TRUE(node.ok()) << filter;
    return *node;
  };
  for (const char* always :
       {"kind eq 'Ours'", "kind ne 'Theirs'", "scope eq null", "scope ne 'x'", "not (scope eq 'x')",
        "not (count gt null)", "good or kind eq 'Ours'", "kind eq 'Ours' and made ne null"}) {
    EXPECT_TRUE(shape(always).is_always()) << always;
  }
  for (const char* never :
       {"kind eq 'Theirs'", "scope ne null", "contains(scope,'x')", "not contains(scope,'x')",
        "made eq null", "good and kind eq 'Theirs'", "made eq 2021-02-04T15:36:52.7788848Z"}) {
    EXPECT_TRUE(shape(never).is_never()) << never;
  }
  EXPECT_EQ(shape("kind eq 'Ours' and good"), shape("good"));
  EXPECT_EQ(shape("kind eq 'Theirs' or (good)"), shape("good"));
}

TEST(Filter, comparisons_of_one_property_are_one) {
  auto node = [](const char* filter) {
    return *parse_filter(test::thing(), filter, test::bounds());
  };
  EXPECT_EQ(node("state eq 'Lost' or (good or state eq 'Open')"),
            node("state in ('Open','Lost','Open') or good"));
  EXPECT_EQ(node("count ne 1 and count ne 2"), node("not (count in (2,1))"));
  EXPECT_EQ(node("not (count eq 1 or count eq 2)"), node("not (count in (2,1))"));
  EXPECT_EQ(node("not (made gt 2021-02-04Z)"), node("made le 2021-02-04Z"));
  EXPECT_NE(node("count eq 1 and count eq 2"), node("count in (1,2)"));
}

TEST(Order, null_is_first_or_last) {
  auto order = parse_order(test::thing(), "ended desc,COUNT", test::bounds());
  ASSERT_TRUE(order.ok());
  ASSERT_EQ(order->size(), 3u);
  EXPECT_EQ((*order)[0], (OrderKey{test::thing().find("ended"), true}));
  EXPECT_EQ((*order)[1], (OrderKey{test::thing().find("count"), false}));
  EXPECT_EQ((*order)[2], (OrderKey{test::thing().key, false}));
  test::Thing none = test::sample(), ended = test::sample(), more = test::sample();
  ended["ended"] = std::int64_t{5};
  more["count"] = std::int64_t{141};
  auto before = [&](const test::Thing& a, const test::Thing& b) {
    return comes_before(*order, test::getter(a), test::getter(b));
  };
  EXPECT_TRUE(before(ended, none));
  EXPECT_FALSE(before(none, ended));
  EXPECT_TRUE(before(none, more));
  EXPECT_FALSE(before(more, none));
  EXPECT_FALSE(before(none, none));
}

TEST(Order, is_total_and_says_nothing_twice) {
  auto keys = [](const char* text) {
    std::string out;
    const auto parsed = parse_order(test::thing(), text, test::bounds());
    for (const OrderKey& key : *parsed) {
      out += std::string(key.property->name) + (key.descending ? "- " : " ");
    }
    return out;
  };
  EXPECT_EQ(keys("made desc"), "made- id- ");
  EXPECT_EQ(keys("made asc , state DESC"), "made state- id- ");
  EXPECT_EQ(keys("id,made"), "id ");
  EXPECT_EQ(keys("made,made desc,kind"), "made id ");
}

TEST(Select, names_each_once) {
  auto chosen = parse_select(test::thing(), "NAME, parts,name", test::bounds());
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(*chosen, (std::vector{test::thing().find("name"), test::thing().find("parts")}));
  EXPECT_TRUE(parse_select(test::thing(), " * ", test::bounds())->empty());
}

}  // namespace
}  // namespace reachback::server::odata
