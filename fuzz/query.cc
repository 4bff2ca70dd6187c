// Query strings and the options in them. Pairs encoded again are the same pairs; an option that is
// not served is refused whatever stands around it; no message is more than text.
#include "server/rest/query.h"

#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

using namespace server::rest;
using std::chrono::seconds;

constexpr std::size_t kPairsMax = 8;

void check_message(const Error& error) {
  FUZZ_CHECK(!error.message.empty() && error.message.size() < 300);
  FUZZ_CHECK(is_valid_utf8(error.message));
}

// OData's names count with and without their '$'.
bool is_option(const std::string& name) {
  static const std::string kNames[] = {"top",    "skip",      "filter",    "select",  "orderby",
                                       "expand", "count",     "search",    "compute", "apply",
                                       "format", "skiptoken", "deltatoken"};
  return name.starts_with('$') ||
         std::find(std::begin(kNames), std::end(kNames), to_lower(name)) != std::end(kNames);
}

void check_page(const Pairs& pairs) {
  auto options =
      std::count_if(pairs.begin(), pairs.end(), [](const auto& p) { return is_option(p.first); });
  if (auto none = refuse_options(pairs); !none) {
    check_message(none.error());
    FUZZ_CHECK(options > 0);
  } else {
    FUZZ_CHECK(options == 0);
  }
  auto page = parse_page(pairs, 100, 5000);
  if (!page) {
    check_message(page.error());
    FUZZ_CHECK(page.error().code == Errc::invalid_query && options > 0);
    return;
  }
  auto top = values_of(pairs, "$top"), skip = values_of(pairs, "$skip");
  FUZZ_CHECK(top.size() <= 1 && skip.size() <= 1);
  FUZZ_CHECK(options == static_cast<std::ptrdiff_t>(top.size() + skip.size()));
  FUZZ_CHECK(page->top <= 100 && page->skip <= 5000);
  FUZZ_CHECK(top.empty() ? page->top == 100 : std::stoull(std::string(top[0])) == page->top);
  FUZZ_CHECK(skip.empty() ? page->skip == 0 : std::stoull(std::string(skip[0])) == page->skip);
}

void check_wait(const Pairs& pairs) {
  auto wait = parse_wait(pairs, seconds(10), seconds(60));
  auto what = values_of(pairs, "waitFor");
  if (!wait) {
    check_message(wait.error());
    FUZZ_CHECK(!what.empty());
  } else if (!*wait) {
    FUZZ_CHECK(what.empty());
  } else {
    FUZZ_CHECK(what.size() == 1 && what[0] == "final");
    FUZZ_CHECK(**wait >= seconds(1) && **wait <= seconds(60));
  }
}

}  // namespace

void run(std::string_view text) {
  if (auto index = parse_index_argument(text)) {
    FUZZ_CHECK(to_lower(text) == "index=" + std::to_string(*index) && *index <= 99999);
  } else {
    check_message(index.error());
  }
  auto pairs = parse_pairs(text, kPairsMax);
  if (!pairs) {
    check_message(pairs.error());
    return;
  }
  FUZZ_CHECK(pairs->size() <= kPairsMax);
  std::string again;
  for (const auto& [name, value] : *pairs) {
    FUZZ_CHECK(is_valid_utf8(name) && is_valid_utf8(value));
    FUZZ_CHECK(name.find('\0') == std::string::npos && value.find('\0') == std::string::npos);
    again += percent_encode(name) + "=" + percent_encode(value) + "&&";
  }
  auto second = parse_pairs(again, kPairsMax);
  FUZZ_CHECK(second && *second == *pairs);
  check_page(*pairs);
  check_wait(*pairs);
}

}  // namespace reachback::fuzz
