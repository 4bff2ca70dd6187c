#include "server/odata/build.h"

#include <algorithm>

#include "server/odata/evaluate.h"

namespace reachback::server::odata {
namespace {

void keep_each_once(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool is_range(Op op) {
  return op == Op::gt || op == Op::ge || op == Op::lt || op == Op::le;
}

Op opposite(Op op) {
  switch (op) {
    case Op::gt:
      return Op::le;
    case Op::ge:
      return Op::lt;
    case Op::lt:
      return Op::ge;
    case Op::le:
      return Op::gt;
    case Op::in:
    case Op::starts_with:
    case Op::ends_with:
    case Op::contains:
      break;
  }
  return op;
}

// a eq 1 or a eq 2: a in (1,2). a ne 1 and a ne 2: not a in (1,2).
bool can_join(Node::Kind kind, const Term& a, const Term& b) {
  bool negated = kind == Node::Kind::all;
  return a.op == Op::in && b.op == Op::in && a.property == b.property && a.negated == negated &&
         b.negated == negated;
}

void add_child(Node::Kind kind, Node child, std::vector<Node>& children) {
  if (child.kind == Node::Kind::term) {
    for (Node& other : children) {
      if (other.kind == Node::Kind::term && can_join(kind, other.term, child.term)) {
        other.term.values.insert(other.term.values.end(), child.term.values.begin(),
                                 child.term.values.end());
        keep_each_once(other.term.values);
        return;
      }
    }
  }
  children.push_back(std::move(child));
}

}  // namespace

Node term_node(Term term) {
  const Property& property = *term.property;
  if (term.op == Op::in) {
    if (!property.nullable && !property.constant) {
      std::erase_if(term.values, is_null);
    }
    keep_each_once(term.values);
    if (term.values.empty()) {
      return Node::always(term.negated);
    }
  } else if (is_null(term.values.front())) {
    return Node::always(term.negated);  // nothing is more or less than null
  }
  if (property.constant) {
    Node node{Node::Kind::term, {}, std::move(term)};
    return Node::always(fits(node, [](const Property& p) { return *p.constant; }));
  }
  if (term.negated && is_range(term.op) && !property.nullable) {
    term.op = opposite(term.op);
    term.negated = false;
  }
  return Node{Node::Kind::term, {}, std::move(term)};
}

Node joined(Node::Kind kind, std::vector<Node> children) {
  Node out{kind};
  for (Node& child : children) {
    if (kind == Node::Kind::all ? child.is_never() : child.is_always()) {
      return Node::always(kind == Node::Kind::any);
    }
    if (child.kind != kind) {
      add_child(kind, std::move(child), out.children);
      continue;
    }
    for (Node& inner : child.children) {
      add_child(kind, std::move(inner), out.children);
    }
  }
  if (out.children.size() == 1) {
    Node only = std::move(out.children.front());
    return only;
  }
  return out;
}

}  // namespace reachback::server::odata
