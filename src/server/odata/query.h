// What a list is asked for: which rows, in which order, how many.
#pragma once

#include <cstdint>
#include <vector>

#include "server/odata/filter.h"

namespace reachback::server::odata {

struct Query {
  Node filter = Node::always(true);
  std::vector<OrderKey> order;  // total: it ends with the entity's key
  std::uint64_t skip = 0;
  std::uint64_t top = 0;
  bool count = false;  // how many rows fit the filter is asked for too
};

// Every row, in the entity's own order.
inline Query everything(const Entity& entity, std::uint64_t skip, std::uint64_t top) {
  Query query;
  query.order = entity.default_order;
  query.skip = skip;
  query.top = top;
  return query;
}

}  // namespace reachback::server::odata
