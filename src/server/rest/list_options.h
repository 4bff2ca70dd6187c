// The query options of a list: $filter, $orderby, $select, $top, $skip, $count.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/odata/parser.h"
#include "server/ports/listing.h"
#include "server/rest/query.h"
#include "server/rest/render.h"

namespace reachback::server::rest {

struct ListLimits {
  std::uint64_t top_max = 0, skip_max = 0;
  odata::Bounds odata;
};

struct ListOptions {
  odata::Query query;                          // top: top_max where none was asked for
  std::vector<const odata::Property*> select;  // empty: all
  bool top_given = false;
  Pairs kept;  // what a link to the next page says again: all but $top and $skip
};

// An option counts in any case and once; $skiptoken and every other one that is not served is
// refused, and so is an option's name without its '$'. Other names are nobody's business here.
// Errors (invalid_query): naming the option and, within one, the character.
// Source: decisions.md 12, trust.md §5.3, clients.md §2.5.
Result<ListOptions> parse_list_options(const Pairs& query, const odata::Entity& entity,
                                       const ListLimits& limits);

// Of a list's /$count: the same options, of which only $filter says anything about the number.
// Source: OData 4.01 Protocol, section 11.2.10.
Result<odata::Query> parse_count_options(const Pairs& query, const odata::Entity& entity,
                                         const ListLimits& limits);

// What is written around the items of a page. `set`: the entity set's name; `address`: where the
// list is, with its base. A page goes on at its link when its text was too much, or when nothing
// was said of $top and it holds top_max.
template <typename T>
ListShape shape_of(const ListOptions& options, const Page<T>& page, std::string_view set,
                   std::string_view address);

// The parts of shape_of() that do not depend on what the page holds.
std::string next_link(const ListOptions& options, std::uint64_t passed, std::string_view address);
// "MachineActions", or "MachineActions(id,status)" where some were selected.
// Source: OData 4.01 Protocol, section 10.7.
std::string selected_set(const ListOptions& options, std::string_view set);

template <typename T>
ListShape shape_of(const ListOptions& options, const Page<T>& page, std::string_view set,
                   std::string_view address) {
  ListShape shape;
  shape.set = selected_set(options, set);
  shape.select = options.select;
  shape.count = page.count;
  bool enough = options.top_given && page.passed >= options.query.top;
  if (page.more && !enough) {
    shape.next_link = next_link(options, page.passed, address);
  }
  return shape;
}

}  // namespace reachback::server::rest
