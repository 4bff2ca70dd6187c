// A list's query answered from rows in memory: what the fakes do, and what a store must agree with.
#pragma once

#include <algorithm>
#include <vector>

#include "base/result.h"
#include "server/ports/listing.h"

namespace reachback::testing {

// getter_of(row): an odata::Getter that borrows the row. Every row is read, which counts 100.
template <typename T, typename GetterOf>
Result<server::Page<T>> list_in_memory(std::vector<T> all, const server::odata::Query& query,
                                       const server::ListBounds& bounds, GetterOf getter_of) {
  if (all.size() > bounds.work_max / 100) {
    return Error{Errc::invalid_query, "The query would have to look at too much"};
  }
  std::erase_if(all,
                [&](const T& row) { return !server::odata::fits(query.filter, getter_of(row)); });
  std::sort(all.begin(), all.end(), [&](const T& a, const T& b) {
    return server::odata::comes_before(query.order, getter_of(a), getter_of(b));
  });
  server::Page<T> page;
  if (query.count) {
    page.count = all.size();
  }
  std::uint64_t bytes = 0;
  for (std::uint64_t at = query.skip; query.top > 0 && at < all.size(); ++at) {
    if (page.items.size() == query.top || (bytes >= bounds.bytes_max && !page.items.empty())) {
      page.more = true;
      break;
    }
    bytes += server::text_bytes(all[at]);
    ++page.passed;
    page.items.push_back(std::move(all[at]));
  }
  return page;
}

}  // namespace reachback::testing
