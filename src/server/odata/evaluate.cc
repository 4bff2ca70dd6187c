#include "server/odata/evaluate.h"

#include <algorithm>

namespace reachback::server::odata {
namespace {

// Of one value that is not a list. `null_fits`: what a null is answered.
bool value_fits(const Term& term, const Value& value) {
  if (term.op == Op::in) {
    return std::find(term.values.begin(), term.values.end(), value) != term.values.end();
  }
  if (is_null(value)) {
    return false;
  }
  const Value& asked = term.values.front();
  switch (term.op) {
    case Op::gt:
      return value > asked;
    case Op::ge:
      return value >= asked;
    case Op::lt:
      return value < asked;
    case Op::le:
      return value <= asked;
    case Op::in:
    case Op::starts_with:
    case Op::ends_with:
    case Op::contains:
      break;
  }
  return text_fits(term.op, std::get<std::string>(value), std::get<std::string>(asked));
}

bool is_function(Op op) {
  return op == Op::starts_with || op == Op::ends_with || op == Op::contains;
}

bool term_fits(const Term& term, const Getter& row) {
  const Value value = row(*term.property);
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    bool one = std::any_of(texts->begin(), texts->end(), [&term](const std::string& text) {
      return value_fits(term, Value(text));
    });
    return one != term.negated;
  }
  if (term.negated && is_function(term.op) && is_null(value)) {
    return false;
  }
  return value_fits(term, value) != term.negated;
}

Value value_of(const Property& property, const Getter& row) {
  return property.constant ? *property.constant : row(property);
}

}  // namespace

bool text_fits(Op op, std::string_view text, std::string_view asked) {
  if (op == Op::starts_with) {
    return text.starts_with(asked);
  }
  return op == Op::ends_with ? text.ends_with(asked) : text.find(asked) != std::string_view::npos;
}

bool fits(const Node& filter, const Getter& row) {
  auto child_fits = [&row](const Node& child) { return fits(child, row); };
  switch (filter.kind) {
    case Node::Kind::all:
      return std::all_of(filter.children.begin(), filter.children.end(), child_fits);
    case Node::Kind::any:
      return std::any_of(filter.children.begin(), filter.children.end(), child_fits);
    case Node::Kind::term:
      break;
  }
  return term_fits(filter.term, row);
}

bool comes_before(const std::vector<OrderKey>& order, const Getter& a, const Getter& b) {
  for (const OrderKey& key : order) {
    const Value left = value_of(*key.property, a), right = value_of(*key.property, b);
    if (left != right) {
      return (left < right) != key.descending;
    }
  }
  return false;
}

}  // namespace reachback::server::odata
