// The meaning of a query, over any row whose properties can be read.
#pragma once

#include <functional>

#include "server/odata/query.h"

namespace reachback::server::odata {

// The value of a property of one row. Never asked for a property that is constant.
using Getter = std::function<Value(const Property&)>;

bool fits(const Node& filter, const Getter& row);
// Whether `a` comes before `b`. null comes first, or last where the order is descending.
// Source: OData 4.01 Protocol, 11.2.6.2.
bool comes_before(const std::vector<OrderKey>& order, const Getter& a, const Getter& b);

// How one text is asked about by starts_with, ends_with or contains.
bool text_fits(Op op, std::string_view text, std::string_view asked);

}  // namespace reachback::server::odata
