// $filter, $orderby, $select. What is accepted keeps every bound and means the opposite under
// `not`, itself in parentheses and beside itself; a moment is the one that the base layer reads.
// Messages name the option and are short UTF-8.
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/time.h"
#include "fuzz/fuzz.h"
#include "server/odata/evaluate.h"
#include "server/odata/literal.h"
#include "server/odata/parser.h"
#include "server/odata/test_entity.h"

namespace reachback::fuzz {
namespace {

using namespace server::odata;

// One more of each where a filter is put into another.
Bounds bounds(std::uint64_t more = 0) {
  return Bounds{2048 + more * 4096, 4 + more, 8 * (more + 1), 16 * (more + 1), 3};
}

void check_message(const Error& error, std::string_view option) {
  FUZZ_CHECK(error.code == Errc::invalid_query && error.message.starts_with(option));
  FUZZ_CHECK(error.message.size() < 400 && is_valid_utf8(error.message));
}

struct Size {
  std::size_t terms = 0, values = 0, depth = 0;
};
Size size_of(const Node& node) {
  if (node.kind == Node::Kind::term) {
    FUZZ_CHECK(!node.term.values.empty() && node.term.property != nullptr);
    FUZZ_CHECK(!node.term.property->constant && node.term.property->type != Type::opaque);
    FUZZ_CHECK(node.term.op == Op::in || node.term.values.size() == 1);
    return Size{1, node.term.values.size(), 1};
  }
  Size size;
  FUZZ_CHECK(node.children.size() != 1);
  for (const Node& child : node.children) {
    FUZZ_CHECK(child.kind != node.kind && !child.is_always() && !child.is_never());
    const Size inner = size_of(child);
    size.terms += inner.terms;
    size.values += inner.values;
    size.depth = std::max(size.depth, inner.depth);
  }
  ++size.depth;
  return size;
}

// No text is null in them, so that a function is never null either.
const std::array<test::Thing, 3>& rows() {
  static const std::array<test::Thing, 3> all = [] {
    test::Thing one = test::sample(), two = test::sample(), three = test::sample();
    two["ended"] = std::int64_t{1'612'453'012'000'000};
    two["tags"] = std::vector<std::string>();
    two["good"] = std::int64_t{0};
    three["name"] = std::string();
    three["count"] = std::int64_t{-1};
    three["state"] = std::int64_t{0};
    return std::array{one, two, three};
  }();
  return all;
}

void check_filter(std::string_view text) {
  auto node = parse_filter(test::thing(), text, bounds());
  if (!node) {
    check_message(node.error(), "$filter");
    return;
  }
  const Size size = size_of(*node);
  FUZZ_CHECK(size.terms <= bounds().terms && size.values <= bounds().values);
  FUZZ_CHECK(size.depth <= 2 * bounds().nesting + 3);
  const std::string f(text);
  auto same = parse_filter(test::thing(), "(" + f + ")", bounds(1));
  FUZZ_CHECK(same && *same == *node);
  auto opposite = parse_filter(test::thing(), "not (" + f + ")", bounds(1));
  auto twice = parse_filter(test::thing(), "(" + f + ") and (" + f + ")", bounds(1));
  auto either = parse_filter(test::thing(), "not (not (" + f + ")) or (" + f + ")", bounds(2));
  FUZZ_CHECK(opposite && twice && either);
  // A function of what is always null is neither so nor not.
  bool about_null = to_lower(f).find("scope") != std::string::npos;
  for (const test::Thing& row : rows()) {
    const bool yes = fits(*node, test::getter(row));
    FUZZ_CHECK(about_null || fits(*opposite, test::getter(row)) != yes);
    FUZZ_CHECK(fits(*twice, test::getter(row)) == yes);
    FUZZ_CHECK(fits(*either, test::getter(row)) == yes);
  }
}

void check_order(std::string_view text) {
  auto keys = parse_order(test::thing(), text, bounds());
  if (!keys) {
    check_message(keys.error(), "$orderby");
    return;
  }
  FUZZ_CHECK(!keys->empty() && keys->size() <= bounds().order_keys + 1);
  FUZZ_CHECK(keys->back().property == test::thing().key);
  for (const test::Thing& row : rows()) {
    FUZZ_CHECK(!comes_before(*keys, test::getter(row), test::getter(row)));
  }
}

void check_select(std::string_view text) {
  auto chosen = parse_select(test::thing(), text, bounds());
  if (!chosen) {
    check_message(chosen.error(), "$select");
    return;
  }
  for (const Property* property : *chosen) {
    FUZZ_CHECK(std::count(chosen->begin(), chosen->end(), property) == 1);
  }
}

void check_moment(std::string_view text) {
  auto moment = parse_moment(text);
  if (auto time = parse_time(text)) {
    FUZZ_CHECK(moment && moment->micros == to_micros(*time));
  }
  if (!moment) {
    return;
  }
  // Year 1 and 9999, an offset at either end.
  constexpr std::int64_t kBegin = -62'135'596'800'000'000, kEnd = 253'402'300'800'000'000;
  constexpr std::int64_t kOffset = std::int64_t{14} * 3600 * 1'000'000;
  FUZZ_CHECK(moment->micros >= kBegin - kOffset && moment->micros < kEnd + kOffset);
  if (moment->micros >= kBegin && moment->micros < kEnd) {
    auto again = parse_moment(format_time(from_micros(moment->micros)));
    FUZZ_CHECK(again && again->micros == moment->micros && !again->rounded);
  }
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const unsigned what = input.choice(4);
  const std::string_view text = input.rest();
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos) {
    return;  // parse_pairs() lets none through
  }
  switch (what) {
    case 0:
      check_filter(text);
      break;
    case 1:
      check_order(text);
      break;
    case 2:
      check_select(text);
      break;
    default:
      check_moment(text);
  }
}

}  // namespace reachback::fuzz
