// A parsed $filter. Plain values: copy, compare.
#pragma once

#include <compare>
#include <vector>

#include "server/odata/entity.h"

namespace reachback::server::odata {

enum class Op { in, gt, ge, lt, le, starts_with, ends_with, contains };

// One question about one property.
//   in: equal to one of `values`, null among them if it stands there.
//   gt ... le, starts_with ...: `values` is one value, not null. Never so for null.
// negated: the opposite; of starts_with, ends_with and contains it is still never so for null,
// because a function of null is null. Source: OData 4.01 URL Conventions, 5.1.1.1.
// A property of several texts (Type::texts) fits when one of them does, and negated when none does.
struct Term {
  const Property* property = nullptr;
  Op op = Op::in;
  bool negated = false;
  std::vector<Value> values;  // of an `in`: sorted, each once
  friend bool operator==(const Term&, const Term&) = default;
};

// A term, or all or any of some nodes. Children are never of their parent's own kind (all, any).
// Its depth is at most Bounds::nesting + 2, so that recursion over it is harmless.
struct Node {
  enum class Kind { all, any, term };
  Kind kind = Kind::all;
  std::vector<Node> children{};  // of `all`: none is always so; of `any`: none is never so
  Term term{};
  friend bool operator==(const Node&, const Node&) = default;

  static Node always(bool yes) { return Node{yes ? Kind::all : Kind::any}; }
  bool is_always() const { return kind == Kind::all && children.empty(); }
  bool is_never() const { return kind == Kind::any && children.empty(); }
};

}  // namespace reachback::server::odata
