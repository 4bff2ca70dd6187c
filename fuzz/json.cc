// JSON texts. What is accepted is written to a text that reads the same, has no key twice and is no
// deeper than the limit, counted without the parser; quote() makes any bytes a string.
#include "json/json.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

struct Shape {
  std::size_t colons = 0;  // outside of strings: one a member
  std::size_t depth = 0;
};

Shape shape_of(std::string_view text) {
  Shape out;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      i += c == '\\';
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    out.colons += c == ':';
    depth += c == '{' || c == '[';
    out.depth = std::max(out.depth, depth);
    depth -= (c == '}' || c == ']') && depth > 0;
  }
  return out;
}

std::size_t members(const json::Value& value) {
  std::size_t out = 0;
  if (const json::Object* object = value.if_object()) {
    for (const auto& member : *object) {
      out += 1 + members(member.value());
    }
  } else if (const json::Array* array = value.if_array()) {
    for (const json::Value& element : *array) {
      out += members(element);
    }
  }
  return out;
}

// Boost.JSON reads a fraction to within some units of its last place.
bool same(const json::Value& a, const json::Value& b) {
  if (a.kind() != b.kind()) {
    return false;
  }
  if (a.is_double()) {
    double x = a.get_double(), y = b.get_double();
    return x == y || std::abs(x - y) <= 1e-13 * std::abs(x);
  }
  if (a.is_array()) {
    return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(),
                      b.get_array().end(), same);
  }
  if (a.is_object()) {
    return std::equal(a.get_object().begin(), a.get_object().end(), b.get_object().begin(),
                      b.get_object().end(), [](const auto& x, const auto& y) {
                        return x.key() == y.key() && same(x.value(), y.value());
                      });
  }
  return a == b;
}

}  // namespace

void run(std::string_view text) {
  std::string quoted = json::quote(text);
  auto back = json::parse(quoted);
  FUZZ_CHECK(back && back->is_string());
  FUZZ_CHECK(!is_valid_utf8(text) || std::string_view(back->get_string()) == text);

  auto value = json::parse(text);
  if (!value) {
    FUZZ_CHECK(value.error().code == Errc::invalid_body);
    FUZZ_CHECK(is_valid_utf8(value.error().message));
    return;
  }
  FUZZ_CHECK(is_valid_utf8(text));
  Shape shape = shape_of(text);
  FUZZ_CHECK(shape.depth <= 16);
  FUZZ_CHECK(members(*value) == shape.colons);
  std::string written = json::write(*value);
  auto again = json::parse(written);
  FUZZ_CHECK(again && same(*value, *again));
}

}  // namespace reachback::fuzz
