// Makes nodes in their one form: what is always so or never is folded away, nodes of one kind stand
// in one another's place, comparisons of one property with several values are one `in`.
#pragma once

#include "server/odata/filter.h"

namespace reachback::server::odata {

Node term_node(Term term);
// kind: all or any.
Node joined(Node::Kind kind, std::vector<Node> children);

}  // namespace reachback::server::odata
